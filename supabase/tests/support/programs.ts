/* Programs, processes and files of this repository. */

export { packageFile, runChild, runNodeProgram } from "../../../scripts/lib/child.ts";
export { findFiles } from "../../../scripts/lib/find-files.ts";
export { helpOf } from "../../../scripts/lib/help.ts";
export { passwordsOf, withoutPasswords } from "../../../scripts/lib/mask-passwords.ts";
export { projectDir } from "../../../scripts/local/paths.ts";
export { isAlive } from "../../../scripts/local/processes.ts";
