// Moments on the wire are ISO 8601 in UTC; on screen they are local or UTC, as the reader chose.

export type Zone = "local" | "utc";

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  ms: number;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const two = (value: number): string => String(value).padStart(2, "0");

function partsOf(at: Date, zone: Zone): Parts {
  if (zone === "utc") {
    return {
      year: at.getUTCFullYear(),
      month: at.getUTCMonth(),
      day: at.getUTCDate(),
      hour: at.getUTCHours(),
      minute: at.getUTCMinutes(),
      second: at.getUTCSeconds(),
      ms: at.getUTCMilliseconds(),
    };
  }
  return {
    year: at.getFullYear(),
    month: at.getMonth(),
    day: at.getDate(),
    hour: at.getHours(),
    minute: at.getMinutes(),
    second: at.getSeconds(),
    ms: at.getMilliseconds(),
  };
}

/** Milliseconds since 1970 of an ISO moment; NaN never leaves here. */
export function epochMs(iso: string): number {
  const value = Date.parse(iso);
  return Number.isNaN(value) ? 0 : value;
}

/** "14:06:31" */
export function clockTime(ms: number, zone: Zone): string {
  const p = partsOf(new Date(ms), zone);
  return `${two(p.hour)}:${two(p.minute)}:${two(p.second)}`;
}

/** "14:06" */
export function shortTime(ms: number, zone: Zone): string {
  return clockTime(ms, zone).slice(0, 5);
}

/** "14:06:27.204" */
export function exactTime(ms: number, zone: Zone): string {
  const p = partsOf(new Date(ms), zone);
  return `${clockTime(ms, zone)}.${String(p.ms).padStart(3, "0")}`;
}

/** "14:06" on the same day, "20 Nov 14:06" in the same year, "20 Nov 2025" before. */
export function dayTime(ms: number, now: number, zone: Zone): string {
  const at = partsOf(new Date(ms), zone);
  const today = partsOf(new Date(now), zone);
  const day = `${at.day} ${MONTHS[at.month]}`;
  if (at.year !== today.year) return `${day} ${at.year}`;
  if (at.month !== today.month || at.day !== today.day) return `${day} ${shortTime(ms, zone)}`;
  return shortTime(ms, zone);
}

/** "UTC", "UTC+1" or "UTC-3:30": how far the zone's clock is from UTC at `ms`. */
export function zoneName(ms: number, zone: Zone): string {
  const minutes = zone === "utc" ? 0 : -new Date(ms).getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  const rest = size % 60 === 0 ? "" : `:${two(size % 60)}`;
  return `UTC${minutes < 0 ? "-" : "+"}${Math.floor(size / 60)}${rest}`;
}

/** "2026-11-21 14:06:31.204 UTC+1": for hovering, and for what is copied. */
export function absolute(ms: number, zone: Zone): string {
  const p = partsOf(new Date(ms), zone);
  return `${p.year}-${two(p.month + 1)}-${two(p.day)} ${exactTime(ms, zone)} ${zoneName(ms, zone)}`;
}
