// Applies the stored theme before the first paint. The console itself takes over in src/app/theme/theme.ts.
try {
  const choice = localStorage.getItem("gwo.theme");
  if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
} catch {
  // Storage is blocked: the system's theme is used.
}
