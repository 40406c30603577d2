import { type ParseArgsConfig, parseArgs } from "node:util";
import { usageOf } from "./help.ts";
import { UserError } from "./user-error.ts";

/**
 * Reads the arguments of a command as `parseArgs` does.
 *
 * @param command the name of the command's file, by which `help.ts` lists it
 * @throws UserError with the command's usage when an option is unknown or lacks its value
 */
export function readArguments<T extends ParseArgsConfig>(command: string, config: T) {
  try {
    return parseArgs(config);
  } catch (cause) {
    throw usageError(command, cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** An error about a command's arguments. It shows the command's usage as the next step. */
export function usageError(command: string, message: string, options?: ErrorOptions): UserError {
  return new UserError(message, usageOf(command), options);
}
