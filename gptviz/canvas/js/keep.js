// Two buttons that hand a picture to the reader as a file. Its bytes: a header with what the picture is and where it comes from, then
// those of the picture itself.
import { drawable } from "./chart.js"
import { unpack } from "./decode.js"
import { chartFile, photograph } from "./photo.js"

function hand(name, blob) {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

export default function ({ data, parentElement }) {
  const { header, take } = unpack(data)
  const { figure, deeper, name, which, about } = header
  const foot = () => ({ ...about, foot: [about.foot, location.href].filter(Boolean).join("  ·  ") })
  const picture = figure ? null : take(Uint8Array, header.size)
  const actions = figure && !drawable(figure) ? {} : {
    PNG: async () => {
      const sheet = await photograph({ picture, figure, deeper, about: foot() })
      sheet.toBlob(blob => hand(`${name}.png`, blob), "image/png")
    }
  }
  if (figure && drawable(figure)) actions.SVG = () => hand(`${name}.svg`, new Blob([chartFile(figure, deeper, foot())], { type: "image/svg+xml" }))
  const box = parentElement.querySelector(".files")
  box.replaceChildren(...Object.entries(actions).map(([label, act]) => {
    const button = document.createElement("button")
    Object.assign(button, { type: "button", textContent: label + which, onclick: act })
    return button
  }))
}
