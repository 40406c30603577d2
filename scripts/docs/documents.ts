import { commentOf, documentName, documentSchemas, fieldTable } from "./fields.ts";
import { section } from "./markdown.ts";

const header = `# Documents

<!-- Generated from the zod schemas by npm run docs, and compared in every test run. Never edited. -->

What the RPCs return, field by field. The package exports each document as a zod schema (\`strategyDocumentSchema\`) and as a type (\`StrategyDocument\`).
Times are ISO 8601 texts. A document may gain fields: ignore those that you do not know.`;

/** The reference of the documents as Markdown. */
export function renderDocuments(): string {
  const sections = Object.entries(documentSchemas).map(([name, schema]) =>
    section(`## ${documentName(name)}`, commentOf(name), fieldTable(schema)),
  );
  return `${[header, ...sections].join("\n\n")}\n`;
}
