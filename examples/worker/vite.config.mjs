// As the page's next door: the package's demo model at the address "demo". The worker is a module of its own.
import page from "../page/vite.config.mjs";

export default { ...page, worker: { format: "es" } };
