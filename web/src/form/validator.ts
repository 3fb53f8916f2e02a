import { Validator } from "@cfworker/json-schema";
import { createErrorHandler, toErrorSchema, unwrapErrorHandler } from "@rjsf/utils";

// An interpreting validator: ajv compiles with `new Function`, which a strict Content-Security-Policy forbids.
const messages: Record<string, (error: any) => string> = {
  required: () => "is required",
  pattern: () => "does not have the expected form",
  minLength: () => "is too short",
  maxLength: () => "is too long",
  format: () => "does not have the expected format",
};

function run(schema: any, data: any) {
  const result = new Validator(schema, "7", false).validate(data);
  const leaves = result.errors.filter((error) => !["properties", "$ref", "items", "allOf", "if"].includes(error.keyword));
  return leaves.map((error) => {
    const missing = error.keyword === "required" ? /"([^"]+)"/.exec(error.error)?.[1] : undefined;
    const path = error.instanceLocation.replace(/^#/, "").split("/").filter(Boolean);
    if (missing) path.push(missing);
    const message = messages[error.keyword]?.(error) ?? error.error;
    return { name: error.keyword, property: path.length ? `.${path.join(".")}` : "", message, params: {}, stack: `${path.join(".")} ${message}` };
  });
}

export const validator: any = {
  validateFormData(data: any, schema: any, custom?: any, transform?: any, ui?: any) {
    let errors: any[] = run(schema, data);
    if (transform) errors = transform(errors, ui);
    let errorSchema: any = toErrorSchema(errors);
    if (custom) errorSchema = { ...errorSchema, ...unwrapErrorHandler(custom(data, createErrorHandler(data), ui)) };
    return { errors, errorSchema };
  },
  rawValidation: (schema: any, data: any) => ({ errors: run(schema, data) }),
  isValid: (schema: any, data: any) => run(schema, data).length === 0,
  toErrorList: () => [],
  reset() {},
};
