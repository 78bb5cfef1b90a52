// Writes proto/third_party: what our .proto files import, from npm packages. buf reads nothing without it.
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProto } from "./print-proto.mjs";

const THIRD_PARTY = "proto/third_party";

rmSync(THIRD_PARTY, { recursive: true, force: true });
for (const name of ["google/api/http.proto", "google/api/annotations.proto"]) {
  mkdirSync(dirname(join(THIRD_PARTY, name)), { recursive: true });
  cpSync(join("node_modules/google-proto-files", name), join(THIRD_PARTY, name));
}
const path = join(THIRD_PARTY, "buf/validate/validate.proto");
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, printProto(file_buf_validate_validate.proto));
