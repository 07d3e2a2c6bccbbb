// The walk in one file: the map, the picture and its words, all from what the file holds.
import { account, unpackStore } from "./kept.js"
import { handout } from "./paper.js"
import { byId, drawn, mode, node, outlined, scrolled } from "./pictures.js"

const STEPS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1, Home: -Infinity }
export async function start() {
  const store = await unpackStore(byId("store").textContent)
  const { content } = store
  if (content.paper) return handout(store)
  const walk = { store, content, at: { stage: content.stages[0].key, block: content.opens, head: content.head }, cell: null, 
    drawn: new Map() }
  buildMap(walk)
  choices(walk)
  listen(walk)
  arrive(walk)
  document.documentElement.dataset.ready = "1"
  window.gptviz = { store, walk, go: to => go(walk, to) }
}

const stageOf = walk => walk.content.stages.find(one => one.key === walk.at.stage)

// ---- the address: what stands after #, so that a link opens the same step

function arrive(walk) {
  const asked = new URLSearchParams(location.hash.slice(1))
  const { stages, blocks, heads } = walk.content
  if (stages.some(one => one.key === asked.get("stage"))) walk.at.stage = asked.get("stage")
  if (blocks.includes(Number(asked.get("block")))) walk.at.block = Number(asked.get("block"))
  const head = Number(asked.get("head"))
  if (Number.isInteger(head) && head >= 1 && head <= heads) walk.at.head = head
  show(walk)
}

const address = ({ stage, block, head }) => `#stage=${stage}&block=${block}&head=${head}`

function go(walk, to) {
  const before = walk.at.stage
  walk.at = { ...walk.at, ...to }
  if (!("cell" in to)) walk.cell = null
  delete walk.at.cell
  if (to.cell) walk.cell = to.cell
  walk.told = address(walk.at)
  if (location.hash !== walk.told) location.replace(walk.told)
  show(walk)
  if (walk.at.stage !== before) byId("said").textContent = `${place(walk) + 1} of ${walk.content.stages.length}: ${stageOf(walk).title}`
}

const place = walk => walk.content.stages.findIndex(one => one.key === walk.at.stage)

function step(walk, by) {
  const { stages } = walk.content
  const to = Math.min(Math.max(place(walk) + by, 0), stages.length - 1)
  if (to !== place(walk)) go(walk, { stage: stages[to].key })
}

// ---- the map and the bar

function buildMap(walk) {
  const { stages } = walk.content
  const map = byId("map")
  map.style.setProperty("--columns", stages.length)
  const [first, last] = [stages.findIndex(one => one.per_block), stages.findLastIndex(one => one.per_block)]
  if (first >= 0) {
    const frame = node("div", "frame", node("span", "name"))
    frame.style.gridColumn = `${first + 1} / ${last + 2}`
    map.append(frame)
  }
  stages.forEach((one, n) => {
    const box = node("button", "box", node("span", "number", one.number || "·"), " ", node("span", "short", one.short))
    box.type = "button"
    box.dataset.key = one.key
    box.title = one.title
    box.style.gridColumn = n + 1
    box.style.setProperty("--part", one.colour)
    box.onclick = () => go(walk, { stage: one.key })
    map.append(box)
  })
}

function choices(walk) {
  const { blocks, heads, layers } = walk.content
  const fill = (id, values, name, most) => {
    const list = byId(id)
    for (const value of values) list.append(new Option(`${name} ${value} of ${most}`, value))
    list.onchange = () => go(walk, { [id]: Number(list.value) })
  }
  fill("block", blocks, "Block", layers)
  fill("head", Array.from({ length: heads }, (_, n) => n + 1), "Head", heads)
  byId("back").onclick = () => step(walk, -1)
  byId("next").onclick = () => step(walk, 1)
  byId("theme").onclick = () => wear(walk, mode() === "dark" ? "light" : "dark")
}

function wear(walk, theme) {
  document.documentElement.dataset.theme = theme
  redraw(walk)
}

const typing = target => target instanceof Element && target.closest("input, select, textarea, [role=application]:not(.resting)")

function listen(walk) {
  document.addEventListener("keydown", event => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !(event.key in STEPS)) return
    const at = event.composedPath()[0]
    if (typing(at) && !(at instanceof HTMLCanvasElement && event.key.startsWith("Page"))) return
    event.preventDefault()
    step(walk, STEPS[event.key])
  })
  addEventListener("hashchange", () => location.hash !== walk.told && arrive(walk))
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(walk))
  let before = null
  addEventListener("beforeprint", () => {
    before = document.documentElement.dataset.theme ?? ""
    wear(walk, "light")
  })
  addEventListener("afterprint", () => {
    if (before) document.documentElement.dataset.theme = before
    else delete document.documentElement.dataset.theme
    redraw(walk)
  })
}

// ---- one step

function viewOf(walk) {
  const stage = stageOf(walk)
  const { stage: key, block, head } = walk.at
  return walk.content.views[`${key} ${stage.per_block ? block : ""} ${stage.per_head ? head : ""}`]
}

function show(walk) {
  const stage = stageOf(walk)
  const view = viewOf(walk)
  const { at, content } = walk
  for (const box of document.querySelectorAll(".box")) {
    const on = box.dataset.key === at.stage
    box.classList.toggle("lit", on)
    if (on) (box.setAttribute("aria-current", "step"),
      box.parentElement.scrollTo({ left: box.offsetLeft - box.parentElement.clientWidth / 2 + box.offsetWidth / 2 }))
    else box.removeAttribute("aria-current")
  }
  const name = document.querySelector(".frame .name")
  if (name) name.textContent = `Block ${at.block} of ${content.layers}`
  byId("block").value = at.block
  byId("head").value = at.head
  byId("block").disabled = !stage.per_block
  byId("head").disabled = !stage.per_head
  if (content.passes) enter(walk, stage)
  byId("count").textContent = `${place(walk) + 1} of ${content.stages.length}`
  byId("back").disabled = place(walk) === 0
  byId("next").disabled = place(walk) === content.stages.length - 1
  document.title = `${stage.title} · ${content.title}`
  draws(walk, view)
  words(walk, stage, view)
}

// A step of a lesson has a pass, a sentence and words of its own.
function enter(walk, stage) {
  Object.assign(walk.content, walk.content.passes[stage.pass])
  document.querySelector("header .sentence").textContent = stage.sentence
  byId("badges").replaceChildren(...stage.badges.map(([kind, text]) => node("span", `badge ${kind}`, text)))
  byId("told").replaceChildren(...stage.told.map(text => node("p", "told", text)))
  for (const id of ["block", "head"]) byId(id).hidden = true
}

// The pictures of this step, in place of those that are there.
function draws(walk, view) {
  put(walk, "picture", view.picture, view.caption)
  put(walk, "overview", view.overview, "")
}

function put(walk, id, number, said) {
  const old = walk.drawn.get(id)
  const kept = number === null ? null : walk.content.pictures[number]
  if (old && old.kind !== kept?.kind) {
    old.close()
    byId(id).replaceChildren()
    walk.drawn.delete(id)
  }
  const place = byId(id)
  place.hidden = !kept
  if (kept) walk.drawn.set(id, drawn(walk.store, place, kept, { said, cell: walk.cell, on: event => happened(walk, event), before: old }))
}

const redraw = walk => walk.drawn.forEach(one => one.redraw())

function happened(walk, event) {
  const { heads, blocks } = walk.content
  if (event.kind === "pick" && event.field === "head" && event.value < heads) go(walk, { head: event.value + 1 })
  else if (event.kind === "row" && event.axis === "after" && blocks.includes(Math.max(1, event.row))) go(walk, { block: Math.max(1, event.row) })
  else if (event.kind === "cell") {
    const head = event.point.includes(".att.") && stageOf(walk).per_head && event.index.length === 4 ? event.index[1] + 1 : walk.at.head
    go(walk, { head, cell: event })
    if (parent !== window) parent.postMessage({ gptviz: { point: event.point, index: event.index } }, "*")
    byId("account").scrollIntoView({ block: "nearest" })
  }
}

// ---- words

function words(walk, stage, view) {
  const title = byId("title")
  title.textContent = stage.title
  byId("number").textContent = stage.number || "·"
  byId("number").style.borderColor = stage.colour
  byId("prose").replaceChildren(...stage.prose.map(runs => node("p", "", ...runs.map(([kind, text]) => (kind ? node(kind, "", text) : text)))))
  byId("formula").replaceChildren(scrolled(stage.formula))
  byId("shapes").replaceChildren(...view.shapes.map(([way, shape, axes]) => node("div", "", node("span", "io", way), node("b", "", shape),
    ` ${axes}`)))
  byId("look").replaceChildren(node("b", "", "Look for: "), view.caption)
  if (walk.asked !== view.question) question(view.question)
  walk.asked = view.question
  tell(walk, view)
}

// What is asked; the answer shows when one has been given, or on request.
function question({ ask, choices, answer, why }) {
  const open = byId("question")
  const said = node("p", "answer")
  said.setAttribute("role", "status")
  const reveal = guess => said.replaceChildren(node("b", "", `${guess === answer ? "Yes. " : ""}${choices[answer]}.`), ` ${why}`)
  const options = choices.map((choice, n) => {
    const input = node("input")
    Object.assign(input, { type: "radio", name: "guess", value: n, onchange: () => reveal(n) })
    return node("label", "", input, ` ${choice}`)
  })
  const anyway = node("button", "", "Show anyway")
  Object.assign(anyway, { type: "button", onclick: () => reveal(-1) })
  const legend = node("legend", "hidden", "Your guess")
  open.open = false
  open.replaceChildren(node("summary", "", `Predict: ${ask}`), node("fieldset", "", legend, ...options), anyway, said)
}

// The number of the picture that is chosen: shown, recomputed, and how.
function tell(walk, view) {
  const place = byId("account")
  const cell = walk.cell ?? view.cell
  place.hidden = !cell
  if (!cell) return
  const code = `${cell.point}[${cell.index.join(", ")}]`
  const shown = valueOf(walk, view, cell)
  const made = account(walk.store, cell.point, cell.index, shown)
  const head = node("p", "", node("code", "", code), " ")
  if (!made) {
    head.append(`This file holds the recomputation of the numbers of token ${walk.content.token}; this one is ${shown === null ? "of another" : short(shown, 9)}.`)
    return place.replaceChildren(node("h2", "", "Recompute this number"), head)
  }
  head.append(made.sentence)
  const off = Math.abs(made.off)
  const check = node("p", "check", ...(shown === null ? [] : [
    node("span", "", "shown ", node("b", "", short(shown, 9))), " ",
    node("span", "", "recomputed ", node("b", "", short(shown - made.off, 8))), " "
  ]), node("span", "", "|shown − recomputed| ", node("b", "", off ? off.toExponential(1) : "0")))
  place.replaceChildren(node("h2", "", "Recompute this number"), head, scrolled(made.formula), scrolled(made.numbers), check, node("pre",
    "", node("code", "", made.code)))
}

const short = (value, digits) => (Number.isFinite(value) ? String(Number(value.toPrecision(digits))) : String(value)).replace("-", "−")

// A number that a picture of this step holds.
function valueOf(walk, view, { point, index }) {
  for (const number of [view.picture, view.overview]) {
    const kept = number === null ? null : walk.content.pictures[number]
    if (kept?.kind !== "grid" || !kept.header.exact) continue
    const found = outlined(kept, { point, index }).header.panels
    let array = 0
    for (const p of found) {
      if (p.cell && p.pool === 1) return walk.store.array(kept.arrays[array])[p.cell[0] * p.cols + p.cell[1]]
      array += 1 + p.marked + (p.pool > 1)
    }
  }
  return view.cell.point === point && view.cell.index.join() === index.join() ? view.shown : null
}
