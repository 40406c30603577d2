/* What the references in docs/ are made by. */

export {
  type Catalog,
  type DatabaseFunction,
  readCatalog,
  type Table,
} from "../../../scripts/docs/catalog.ts";
export { entityDiagrams } from "../../../scripts/docs/diagram.ts";
export { errorsOfFunctions } from "../../../scripts/docs/errors.ts";
export { renderFunctions } from "../../../scripts/docs/functions.ts";
export { renderReference } from "../../../scripts/docs/reference.ts";
