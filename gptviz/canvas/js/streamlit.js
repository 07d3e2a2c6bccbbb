// The canvas as a Streamlit element: Streamlit calls this for every picture, and what it returns when the element goes.
import { draw } from "./canvas.js"

export default ({ data, parentElement, setTriggerValue }) => draw(parentElement, data, event => setTriggerValue("event", event))
