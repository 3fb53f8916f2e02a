// Backstage writes `ui:*` keys inside the schema at any depth; rjsf wants them in a tree of their own.
export function uiSchema(schema: any): any {
  const out: any = {};
  if (!schema || typeof schema !== "object") return out;
  for (const [key, value] of Object.entries(schema)) {
    if (key.startsWith("ui:")) out[key] = value;
  }
  for (const [name, child] of Object.entries<any>(schema.properties ?? {})) out[name] = { ...out[name], ...uiSchema(child) };
  if (schema.items) out.items = uiSchema(schema.items);
  for (const branch of ["oneOf", "anyOf", "allOf"]) for (const child of schema[branch] ?? []) merge(out, uiSchema(child));
  for (const child of Object.values<any>(schema.dependencies ?? {})) merge(out, uiSchema(child));
  for (const branch of ["then", "else"]) if (schema[branch]) merge(out, uiSchema(schema[branch]));
  return out;
}

// Every field that a page may ask for, also inside its branches, by name.
export function declared(schema: any): Record<string, any> {
  if (!schema || typeof schema !== "object") return {};
  const inner = [...["oneOf", "anyOf", "allOf"].flatMap((branch) => schema[branch] ?? []), ...Object.values(schema.dependencies ?? {}), schema.then, schema.else];
  return Object.assign({}, ...inner.map(declared), schema.properties);
}

function merge(into: any, from: any): void {
  for (const [key, value] of Object.entries(from)) into[key] = typeof value === "object" && into[key] ? { ...into[key], ...(value as object) } : value;
}
