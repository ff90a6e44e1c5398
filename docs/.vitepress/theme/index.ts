// The default theme with the reader's own fonts: the site loads nothing from anywhere else.
import theme from "vitepress/theme-without-fonts";
import "./style.css";

export default theme;
