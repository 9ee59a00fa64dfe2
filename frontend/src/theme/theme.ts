import {
  ActionIcon,
  Button,
  Checkbox,
  createTheme,
  Drawer,
  Input,
  Kbd,
  type MantineColorsTuple,
  Menu,
  Modal,
  Popover,
  Tabs,
  Tooltip,
} from "@mantine/core";
import classes from "./theme.module.css";

const ink: MantineColorsTuple = [
  "#eceded",
  "#d3d6d9",
  "#a8aeb4",
  "#858c94",
  "#656b72",
  "#4b5157",
  "#32383e",
  "#24282c",
  "#1d2023",
  "#17191b",
];
const dark: MantineColorsTuple = [
  "#eceded",
  "#a8aeb4",
  "#858c94",
  "#5a6168",
  "#32383e",
  "#202428",
  "#181b1e",
  "#0d0f11",
  "#0b0d0e",
  "#090a0c",
];
const you: MantineColorsTuple = [
  "#fdf5e3",
  "#f8e6bd",
  "#f4d38b",
  "#f3c563",
  "#f2b53c",
  "#eeac2b",
  "#b57400",
  "#8a5600",
  "#4d3b17",
  "#1c1710",
];

// Controls are 22 px inside cells, 24 in headers, 28 elsewhere, 34 where one decides.
const BUTTON: Record<string, Record<string, string>> = {
  xs: { "--button-height": "22px", "--button-padding-x": "7px", "--button-fz": "11.5px" },
  sm: { "--button-height": "24px", "--button-padding-x": "8px", "--button-fz": "12px" },
  md: { "--button-height": "28px", "--button-padding-x": "10px", "--button-fz": "12.5px" },
  lg: { "--button-height": "34px", "--button-padding-x": "14px", "--button-fz": "13px" },
};
const FILLED = {
  "--button-bg": "var(--mu-t1)",
  "--button-color": "var(--mu-inverse)",
  "--button-hover": "var(--mu-t1)",
};
const ICON: Record<string, string> = { xs: "22px", sm: "24px", md: "28px", lg: "34px" };

const floating = { shadow: "mu", radius: "md" } as const;

export const theme = createTheme({
  primaryColor: "ink",
  primaryShade: { light: 9, dark: 0 },
  autoContrast: true,
  defaultRadius: "sm",
  cursorType: "pointer",
  focusRing: "auto",
  respectReducedMotion: true,
  fontSmoothing: true,
  white: "#fbfaf7",
  black: "#17191b",
  fontFamily: "'Inter Variable', Inter, system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  fontSizes: { xs: "11px", sm: "12px", md: "13px", lg: "15px", xl: "20px" },
  lineHeights: { xs: "1.45", sm: "1.34", md: "1.385", lg: "1.4", xl: "1.3" },
  spacing: { xs: "4px", sm: "8px", md: "12px", lg: "20px", xl: "28px" },
  radius: { xs: "3px", sm: "5px", md: "8px", lg: "12px", xl: "16px" },
  headings: {
    fontWeight: "600",
    sizes: { h1: { fontSize: "14px", lineHeight: "20px" }, h2: { fontSize: "20px", lineHeight: "26px" } },
  },
  shadows: { mu: "var(--mu-shadow)" },
  breakpoints: { xs: "30em", sm: "43.75em", md: "68.75em", lg: "75em", xl: "112.5em" },
  colors: { ink, dark, you },
  components: {
    Checkbox: Checkbox.extend({
      vars: () => ({ root: { "--checkbox-color": "var(--mu-t1)", "--checkbox-icon-color": "var(--mu-inverse)" } }),
    }),
    Button: Button.extend({
      defaultProps: { size: "sm", variant: "default" },
      vars: (_theme, props) => ({
        root: { ...BUTTON[String(props.size)], ...(props.variant === "filled" ? FILLED : {}) },
      }),
      classNames: { root: classes.button ?? "", section: classes.buttonSection ?? "" },
    }),
    ActionIcon: ActionIcon.extend({
      defaultProps: { size: "sm", variant: "subtle", color: "ink" },
      vars: (_theme, props) => ({ root: { "--ai-size": ICON[String(props.size)] ?? "24px" } }),
      classNames: { root: classes.icon ?? "" },
    }),
    Input: Input.extend({
      defaultProps: { size: "sm" },
      classNames: { wrapper: classes.inputWrapper ?? "", input: classes.input ?? "" },
    }),
    InputWrapper: Input.Wrapper.extend({
      classNames: { label: classes.inputLabel ?? "", description: classes.inputDescription ?? "" },
    }),
    Kbd: Kbd.extend({ classNames: { root: classes.kbd ?? "" } }),
    Menu: Menu.extend({
      defaultProps: { ...floating, transitionProps: { duration: 120 } },
      classNames: { dropdown: classes.floating ?? "", item: classes.menuItem ?? "", label: classes.menuLabel ?? "" },
    }),
    Modal: Modal.extend({
      defaultProps: {
        shadow: "mu",
        radius: "lg",
        padding: "lg",
        centered: true,
        overlayProps: { backgroundOpacity: 0.45 },
        transitionProps: { duration: 180 },
        closeButtonProps: { size: 24, "aria-label": "Close" },
      },
      classNames: {
        content: classes.floating ?? "",
        header: classes.modalHeader ?? "",
        title: classes.modalTitle ?? "",
      },
    }),
    Drawer: Drawer.extend({
      defaultProps: {
        shadow: "mu",
        transitionProps: { duration: 180 },
        closeButtonProps: { size: 24, "aria-label": "Close" },
      },
      classNames: {
        content: classes.floating ?? "",
        header: classes.modalHeader ?? "",
        title: classes.modalTitle ?? "",
      },
    }),
    Popover: Popover.extend({
      defaultProps: { ...floating, transitionProps: { duration: 120 } },
      classNames: { dropdown: classes.floating ?? "" },
    }),
    Tabs: Tabs.extend({
      classNames: { list: classes.tabList ?? "", tab: classes.tab ?? "", tabLabel: classes.tabLabel ?? "" },
    }),
    Tooltip: Tooltip.extend({
      defaultProps: { openDelay: 300, withArrow: false, transitionProps: { duration: 120 } },
      classNames: { tooltip: classes.tooltip ?? "" },
    }),
  },
});
