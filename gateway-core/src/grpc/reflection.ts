import { toBinary, type DescFile } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { Code } from "@connectrpc/connect";
import type { ServerReflectionRequest } from "@gatewayops/proto/grpc/reflection/v1/reflection_pb";
import type { ServerReflectionRequest as AlphaRequest } from "@gatewayops/proto/grpc/reflection/v1alpha/reflection_pb";
import { nameOf, withImports, type DescriptorIndex } from "./descriptor-index.ts";

// v1 and v1alpha differ by their package's name only.

type Question = ServerReflectionRequest | AlphaRequest;

type Reply =
  | { case: "listServicesResponse"; value: { service: { name: string }[] } }
  | { case: "fileDescriptorResponse"; value: { fileDescriptorProto: Uint8Array[] } }
  | {
      case: "allExtensionNumbersResponse";
      value: { baseTypeName: string; extensionNumber: number[] };
    }
  | { case: "errorResponse"; value: { errorCode: Code; errorMessage: string } };

/** gRPC's server reflection: answers each question of a stream by the descriptors of what is served. */
export function createReflection(index: DescriptorIndex) {
  return async function* <Q extends Question>(
    questions: AsyncIterable<Q>,
  ): AsyncGenerator<{ validHost: string; originalRequest: Q; messageResponse: Reply }> {
    // Files that this stream has brought are not sent again.
    const sent = new Set<string>();
    for await (const question of questions)
      yield {
        validHost: question.host,
        originalRequest: question,
        messageResponse: replyTo(index, question.messageRequest, sent),
      };
  };
}

function replyTo(
  index: DescriptorIndex,
  request: Question["messageRequest"],
  sent: Set<string>,
): Reply {
  switch (request.case) {
    case "listServices":
      return {
        case: "listServicesResponse",
        value: { service: index.services.map((name) => ({ name })) },
      };
    case "fileByFilename":
      return filesOf(index.file(request.value), sent);
    case "fileContainingSymbol":
      return filesOf(index.fileOf(request.value), sent);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = request.value;
      return filesOf(index.extensionsOf(containingType)?.get(extensionNumber), sent);
    }
    case "allExtensionNumbersOfType": {
      const extensions = index.extensionsOf(request.value);
      if (!extensions) return error(Code.NotFound, "There is no such type.");
      return {
        case: "allExtensionNumbersResponse",
        value: {
          baseTypeName: request.value,
          extensionNumber: [...extensions.keys()].sort((a, b) => a - b),
        },
      };
    }
    default:
      return error(Code.InvalidArgument, "The request asks nothing.");
  }
}

/** The file that was asked for, and before it what it imports and this stream has not brought. */
function filesOf(file: DescFile | undefined, sent: Set<string>): Reply {
  if (!file) return error(Code.NotFound, "There is no such file, type or extension.");
  const wanted = withImports(file).filter((one) => one === file || !sent.has(nameOf(one)));
  for (const one of wanted) sent.add(nameOf(one));
  return {
    case: "fileDescriptorResponse",
    value: {
      // The file itself comes first: clients take it for what they asked for.
      fileDescriptorProto: wanted
        .reverse()
        .map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto)),
    },
  };
}

function error(errorCode: Code, errorMessage: string): Reply {
  return { case: "errorResponse", value: { errorCode, errorMessage } };
}
