import { type Failure, failure } from "../http/failure.ts";
import type { Provider } from "./provider.ts";

/** A payment provider did not answer, or not as documented. The error's own text stays out of the log. */
export function upstreamFailure(
  { name, title }: Pick<Provider, "name" | "title">,
  error: unknown,
): Failure {
  const cause = error instanceof Error ? error.name : typeof error;
  return failure("upstream_error", `${title} cannot be asked now. Try again later.`, {
    facts: { provider: name },
    cause: `${name}:${cause}`,
  });
}
