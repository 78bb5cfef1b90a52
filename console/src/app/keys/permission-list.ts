import { getOption, type DescService } from "@bufbuild/protobuf";
import { access } from "@gatewayops/proto/gatewayops/common/v1/options_pb";

import { permits } from "../session/permits.ts";

/**
 * The permissions that methods of these services ask for and that the granting person has: nobody can give a key more.
 * Read from the contract, so that a new permission is offered without a change here.
 */
export function grantablePermissions(
  services: readonly DescService[],
  held: readonly string[],
): string[] {
  const asked = services
    .flatMap((service) => service.methods)
    .map((method) => getOption(method, access).rule)
    .flatMap((rule) => (rule.case === "permission" ? [rule.value] : []));
  return [...new Set(asked)].filter((permission) => permits(held, permission)).sort();
}
