// As the page's next door: the package's demo model at the address "demo".
export { default } from "../page/vite.config.mjs";
