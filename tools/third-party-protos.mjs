// Writes proto/third_party: what our .proto files import and what the gateway serves of gRPC's own, from npm packages. buf reads nothing without it.
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProto } from "./print-proto.mjs";

const THIRD_PARTY = "proto/third_party";

rmSync(THIRD_PARTY, { recursive: true, force: true });
for (const [source, name] of [
  ["google-proto-files/google/api/http.proto", "google/api/http.proto"],
  ["google-proto-files/google/api/annotations.proto", "google/api/annotations.proto"],
  ["grpc-health-check/proto/health/v1/health.proto", "grpc/health/v1/health.proto"],
  ...["v1", "v1alpha"].map((version) => [
    `@grpc/reflection/build/proto/grpc/reflection/${version}/reflection.proto`,
    `grpc/reflection/${version}/reflection.proto`,
  ]),
]) {
  mkdirSync(dirname(join(THIRD_PARTY, name)), { recursive: true });
  cpSync(join("node_modules", source), join(THIRD_PARTY, name));
}
const path = join(THIRD_PARTY, "buf/validate/validate.proto");
mkdirSync(dirname(path), { recursive: true });
writeFileSync(path, printProto(file_buf_validate_validate.proto));
