import { describe, expect, it } from "@jest/globals";
import { readChannelMessage } from "./channel-message.ts";

const read = (text: string) => readChannelMessage(Buffer.from(text));

describe("readChannelMessage", () => {
  it("tells answers, requests and notifications apart", () => {
    expect(read('{"id":1,"result":{}}')).toMatchObject({ kind: "answer", id: "1", isError: false });
    expect(read('{"id":"1","error":{}}')).toMatchObject({
      kind: "answer",
      id: '"1"',
      isError: true,
    });
    expect(read('{"id":1,"method":"ping"}')).toMatchObject({ kind: "request", method: "ping" });
    expect(read('{"method":"x"}')).toMatchObject({ kind: "notification", id: "", method: "x" });
  });

  it("reads what says whose a notification is", () => {
    expect(
      read(
        '{"method":"n","params":{"progressToken":"t","requestId":4,"_meta":{"io.modelcontextprotocol/subscriptionId":5}}}',
      ),
    ).toMatchObject({ progressToken: '"t"', requestId: "4", subscription: "5" });
    expect(read('{"method":"n","params":{}}')).toMatchObject({
      progressToken: "",
      requestId: "",
      subscription: "",
    });
  });

  it("takes nothing that is no message", () => {
    for (const text of ["", "Listening…", "null", "1", '"x"', "[]", "{}", '{"method":1}', "{"])
      expect(read(text)).toBeUndefined();
  });
});
