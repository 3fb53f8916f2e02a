// Relative times stay right while a page is open; the words match ui/format.py.
export function relative(moment: Date, now = new Date()): string {
  const seconds = Math.round((now.getTime() - moment.getTime()) / 1000);
  if (Math.abs(seconds) < 10) return "just now";
  const units: [number, string][] = [[86400 * 365, "y"], [86400 * 30, "mo"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const [size, unit] = units.find(([size]) => Math.abs(seconds) >= size)!;
  const count = Math.floor(Math.abs(seconds) / size);
  return seconds >= 0 ? `${count} ${unit} ago` : `in ${count} ${unit}`;
}

export function startTimes(): void {
  setInterval(() => {
    for (const element of document.querySelectorAll<HTMLTimeElement>("time[data-relative]")) {
      element.textContent = relative(new Date(element.dateTime));
    }
  }, 15000);
}
