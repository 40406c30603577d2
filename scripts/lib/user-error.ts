/**
 * An error that the user can correct. `scripts/run.cjs` prints its message and the next step, without a stack trace.
 */
export class UserError extends Error {
  override readonly name = "UserError";

  /**
   * @param message one sentence about what is wrong
   * @param next what the user can do
   */
  constructor(
    message: string,
    readonly next: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
