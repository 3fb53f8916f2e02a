// What the server refused, as complaints that stand beside their fields.
export type Complaint = { path: string[]; message: string };

export function complaints(body: any): Complaint[] {
  const found: any[] = body.errors ?? [{ message: body.error?.message ?? body.detail ?? "The server refused this." }];
  return found.map((one) => ({ path: (one.path ?? String(one.property ?? "").replace(/^instance\.?/, "").split(".")).filter((part: any) => part !== "").map(String), message: one.message }));
}

export function errorSchema(found: Complaint[]): any {
  const out: any = {};
  for (const { path, message } of found) {
    if (!path.length) continue;
    let at = out;
    for (const part of path) at = at[part] ??= {};
    at.__errors = [...(at.__errors ?? []), message];
  }
  return out;
}

// The first page that holds a refused field; -1 when the complaint is about the whole.
export function pageOf(found: Complaint[], pages: { schema: any }[]): number {
  return pages.findIndex((page) => found.some((one) => one.path.length && JSON.stringify(page.schema).includes(`"${one.path[0]}":`)));
}
