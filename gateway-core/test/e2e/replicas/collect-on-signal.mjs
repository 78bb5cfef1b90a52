// Loaded into a gateway under test, so that what it measures of its memory is not what waits to be collected.
process.on("SIGUSR2", () => globalThis.gc());
