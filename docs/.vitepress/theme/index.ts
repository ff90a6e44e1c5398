// The default theme with the reader's own fonts: the site loads nothing from anywhere else.
import theme from "vitepress/theme-without-fonts";
// oxlint-disable-next-line import/no-unassigned-import -- a style sheet
import "./style.css";

export default theme;
