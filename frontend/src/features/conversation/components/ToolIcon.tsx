import {
  IconBrain,
  IconCamera,
  IconFile,
  IconPencil,
  IconSearch,
  IconTerminal,
  IconTool,
  IconWorld,
} from "@tabler/icons-react";

const ICONS = {
  shell: IconTerminal,
  read: IconFile,
  read_file: IconFile,
  edit: IconPencil,
  edit_file: IconPencil,
  fetch: IconWorld,
  screenshot: IconCamera,
  remember: IconBrain,
  recall: IconBrain,
  analyze: IconSearch,
};

/** The sign of a tool; one for all that have none. */
export function ToolIcon({ tool }: { tool: string }) {
  const Icon = ICONS[tool as keyof typeof ICONS] ?? IconTool;
  return <Icon size={14} stroke={1.5} aria-hidden="true" />;
}
