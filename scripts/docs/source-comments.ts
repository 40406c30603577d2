import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { projectDir } from "../local/paths.ts";

/** The comments of exported schemas and of their fields, by `schema` and `schema.field`. */
export type Comments = ReadonlyMap<string, string>;

/**
 * Reads the comments that stand before exported constants and before the fields of the objects in them, so that the
 * reference says what an editor shows, and nothing is written twice.
 *
 * @param paths of TypeScript files, from the project's folder
 */
export function readComments(paths: readonly string[]): Comments {
  const comments = new Map<string, string>();
  for (const path of paths) {
    const text = readFileSync(join(projectDir, path), "utf8");
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    for (const statement of file.statements) {
      if (!ts.isVariableStatement(statement)) continue;
      for (const { name, initializer } of statement.declarationList.declarations) {
        note(name.getText(), statement);
        if (initializer) noteFields(name.getText(), initializer);
      }
    }
  }
  return comments;

  function note(name: string, node: ts.Node): void {
    const [comment] = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
    const text = comment && ts.getTextOfJSDocComment(comment.comment);
    if (text) comments.set(name, text);
  }

  function noteFields(name: string, node: ts.Node): void {
    ts.forEachChild(node, (child) => {
      if (ts.isPropertyAssignment(child)) {
        const field = `${name}.${child.name.getText()}`;
        note(field, child);
        noteFields(field, child.initializer);
      } else {
        noteFields(name, child);
      }
    });
  }
}
