/* The generator of the references in docs/. */

export {
  type Catalog,
  type DatabaseFunction,
  readCatalog,
  type Table,
} from "../../../scripts/docs/catalog.ts";
export { errorsOfFunctions } from "../../../scripts/docs/errors.ts";
export { renderFunctions } from "../../../scripts/docs/functions.ts";
export { renderReference } from "../../../scripts/docs/reference.ts";
