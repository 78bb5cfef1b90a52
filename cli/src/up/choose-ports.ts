import { readJsonFile, writePrivateFile } from "../private-file.ts";
import { Problem } from "../problem.ts";
import { candidatePort, isPortFree } from "./free-port.ts";
import { holderOfPort } from "./port-holder.ts";
import { planPorts, portMemoryFrom, type PortMemory, type PortMode, type Ports } from "./ports.ts";

/**
 * Chooses the stack's ports and remembers them.
 *
 * @throws Problem naming who has a documented port
 */
export async function choosePorts(file: string, mode: PortMode | undefined): Promise<Ports> {
  const plan = await planPorts({
    mode,
    memory: readMemory(file),
    isFree: isPortFree,
    candidate: candidatePort,
  });
  if (plan.kind === "taken") {
    const list = plan.taken.map(({ name, port }) => {
      const holder = holderOfPort(port);
      return `port ${String(port)} (${name}) is taken${holder === undefined ? "" : ` by ${holder}`}`;
    });
    throw new Problem(
      list.join("; "),
      "Stop that process, or let the stack choose free ports: gwo up --ports auto",
    );
  }
  writePrivateFile(file, `${JSON.stringify(plan.memory, null, 2)}\n`);
  return plan.memory.ports;
}

function readMemory(file: string): PortMemory | undefined {
  try {
    return portMemoryFrom(readJsonFile(file));
  } catch {
    // A damaged file costs only the memory of the ports.
    return undefined;
  }
}
