// A handout: the steps below each other, questions with room for an answer, the answers on the last page.
import { byId, drawn, node, scrolled } from "./pictures.js"

const SHARP = 3 // pixels of a printer to one of the page
const PAGE = 1130 // pixels of the page that a sheet of Letter has room for; A4 has more
const SMALLEST = 0.8 // a sheet that does not fit even so goes on overleaf

export function handout(store) {
  const { content } = store
  const answers = node("ol", "answers")
  const again = []
  content.stages.forEach((stage, n) => {
    const view = content.views[stage.view]
    const places = [view.picture, view.overview].filter(number => number !== null).map(number => {
      const place = node("div", "picture")
      again.push(() => drawn(store, place, content.pictures[number], { said: view.caption, on: () => {}, pixels: SHARP }))
      return place
    })
    byId("sheets").append(sheet(stage, view, places, n + 1))
    const { choices, answer, why } = view.question
    answers.append(node("li", "", node("b", "", `${choices[answer]}.`), ` ${why}`))
  })
  byId("sheets").append(node("section", "sheet last", node("h2", "", "Answers"), answers))
  again.forEach(draws => draws())
  document.querySelectorAll(".sheet").forEach((one, n) => {
    const fit = Math.min(1, (n ? PAGE : PAGE - one.offsetTop) / one.offsetHeight) // the first one shares its page with the head
    if (fit >= SMALLEST) one.style.setProperty("--fit", fit)
  })
  document.documentElement.dataset.ready = "1"
}

function sheet(stage, view, places, n) {
  const number = node("span", "number", stage.number || "·")
  number.style.borderColor = stage.colour
  const paragraphs = stage.prose.map(runs => node("p", "", ...runs.map(([kind, text]) => (kind ? node(kind, "", text) : text))))
  const shapes = node("table", "shapes", ...view.shapes.map(([way, shape, axes]) => node("tr", "", node("th", "", way), node("td", "",
    node("b", "", shape)), node("td", "", axes))))
  return node("section", "sheet", node("h2", "", number, " ", stage.title),
    ...(stage.told ? [node("p", "where", stage.sentence), ...stage.told.map(text => node("p", "told", text))] : []), ...places, ...paragraphs, scrolled(stage.formula), shapes,
    node("p", "look", node("b", "", "Look for: "), view.caption), asks(view.question, n))
}

// What is asked, with boxes to tick and a line to write on.
function asks({ ask, choices }, n) {
  const boxes = choices.map(choice => node("li", "", node("span", "tick"), choice))
  return node("div", "asks", node("p", "", node("b", "", `Question ${n}. `), ask), node("ul", "", ...boxes), node("p", "line", "Why?"))
}
