import { Menu, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { IconCheck, IconDeviceDesktop, IconLogout, IconMoon, IconSun } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { initials } from "../../../format/words";
import classes from "./UserMenu.module.css";

interface Props {
  name: string;
  role: string;
  onLogOut(): void;
}

const SCHEMES = [
  { value: "dark", text: "Dark", icon: <IconMoon size={14} stroke={1.5} /> },
  { value: "light", text: "Light", icon: <IconSun size={14} stroke={1.5} /> },
  { value: "auto", text: "As the system", icon: <IconDeviceDesktop size={14} stroke={1.5} /> },
] as const;

function Chosen({ when }: { when: boolean }): ReactNode {
  return when ? <IconCheck size={14} stroke={1.5} /> : null;
}

/** Who is logged in; the colour scheme; the way out. */
export function UserMenu({ name, role, onLogOut }: Props) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Menu position="top-start" width={196}>
      <Menu.Target>
        <UnstyledButton className={classes.who} aria-label={`${name}: theme and log out`}>
          <span className={classes.sign} aria-hidden="true">
            {initials(name)}
          </span>
          <span className={classes.name}>{name}</span>
          <IconSun size={16} stroke={1.5} className={classes.hint} aria-hidden="true" />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {name}, {role}
        </Menu.Label>
        {SCHEMES.map(({ value, text, icon }) => (
          <Menu.Item
            key={value}
            role="menuitemradio"
            aria-checked={colorScheme === value}
            leftSection={icon}
            rightSection={<Chosen when={colorScheme === value} />}
            onClick={() => setColorScheme(value)}
          >
            {text}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={14} stroke={1.5} />} onClick={onLogOut}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
