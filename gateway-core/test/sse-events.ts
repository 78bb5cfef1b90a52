import { createParser } from "eventsource-parser";

/** Reads an event stream piece by piece. Events without data, which some servers begin with, are left out. */
export function createEventReader(onData: (data: string) => void): (text: string) => void {
  const parser = createParser({
    onEvent: ({ data }) => {
      if (data !== "") onData(data);
    },
  });
  return (text) => {
    parser.feed(text);
  };
}

/** The data of a stream's events, as far as it has come. */
export function eventDataOf(text: string): string[] {
  const found: string[] = [];
  createEventReader((data) => found.push(data))(text);
  return found;
}
