import { type Failure, failure } from "../http/failure.ts";
import type { Provider } from "./provider.ts";

/** The failure for a payment provider that does not answer or answers unexpectedly. The error's text is not logged. */
export function upstreamFailure(
  { name, title }: Pick<Provider, "name" | "title">,
  error: unknown,
): Failure {
  const cause = error instanceof Error ? error.name : typeof error;
  return failure("upstream_error", `${title} does not answer now. Try again later.`, {
    facts: { provider: name },
    cause: `${name}:${cause}`,
  });
}
