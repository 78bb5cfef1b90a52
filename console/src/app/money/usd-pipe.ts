import { Pipe, type PipeTransform } from "@angular/core";

import { formatUsd } from "./usd.ts";

/** Writes integer micro-USD as US dollars. */
@Pipe({ name: "usd" })
export class UsdPipe implements PipeTransform {
  transform(usdMicros: bigint): string {
    return formatUsd(usdMicros);
  }
}
