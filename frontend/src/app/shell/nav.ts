import { IconMenu3, IconMessage2, type IconProps } from "@tabler/icons-react";
import type { ComponentType } from "react";
import { FleetIcon } from "./FleetIcon";

export interface Place {
  to: "/fleet" | "/conversations" | "/queues";
  name: string;
  /** On a phone's tab. */
  short: string;
  keys: string;
  icon: ComponentType<IconProps>;
  /** Other pages that belong to this place. */
  owns: string[];
}

export const PLACES: Place[] = [
  { to: "/fleet", name: "Fleet", short: "Fleet", keys: "g f", icon: FleetIcon, owns: ["/agents", "/commands"] },
  { to: "/conversations", name: "Conversations", short: "Chats", keys: "g c", icon: IconMessage2, owns: [] },
  { to: "/queues", name: "Queues", short: "Queues", keys: "g q", icon: IconMenu3, owns: [] },
];

export function isAt(place: Place, path: string): boolean {
  return [place.to, ...place.owns].some((start) => path === start || path.startsWith(`${start}/`));
}
