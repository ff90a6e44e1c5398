// Where the page begins.
import { render } from "preact";
import { App } from "./app/app.tsx";
import { start } from "./app/start.ts";
import "./styles/tokens.css";
import "./styles/base.css";

render(<App />, document.getElementById("app")!);
start();
