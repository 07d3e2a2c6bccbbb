// What every picture is made of, before anything is drawn: its style and its elements.

export const GRID_MARKUP = `
  <style>
    :host {
      display: block;
    }
    .matrix {
      position: relative;
      width: 100%;
    }
    canvas {
      display: block;
      width: 100%;
    }
    .cells {
      border-radius: 4px;
      touch-action: pan-y pinch-zoom;
    }
    .room {
      position: absolute;
      height: var(--room, 0);
      visibility: hidden;
    }
    .cells:focus-visible {
      outline: 2px solid var(--st-primary-color, #0060a0);
      outline-offset: 3px;
    }
    .over {
      position: absolute;
      inset: 0;
      pointer-events: none;
    }
    .tip {
      position: absolute;
      z-index: 10;
      box-sizing: border-box;
      max-width: min(340px, 100%);
      padding: 7px 11px 8px;
      border: 1px solid var(--st-border-color, #d0d4da);
      border-radius: 6px;
      background: var(--st-background-color, #fff);
      color: var(--st-text-color, #222);
      box-shadow: 0 3px 12px rgb(0 0 0 / 22%);
      font: 13px/1.4 var(--st-font, sans-serif);
      overflow-wrap: anywhere;
      white-space: pre-wrap;
      pointer-events: none;
    }
    .tip[hidden] {
      display: none;
    }
    .tip b {
      display: block;
      font-size: 17px;
      font-weight: 600;
      font-variant-numeric: tabular-nums;
    }
    .tip canvas {
      width: auto;
      margin-bottom: 6px;
    }
    .tip dl {
      display: grid;
      grid-template-columns: auto 1fr;
      gap: 0 10px;
      margin: 2px 0;
    }
    .tip dt {
      opacity: 0.75;
    }
    .tip dd {
      margin: 0;
    }
    .tip code {
      font: 12px var(--st-code-font, monospace);
      opacity: 0.75;
    }
    .present .tip {
      max-width: min(560px, 100%);
      font-size: 24px;
    }
    .present .tip b {
      font-size: 28px;
    }
    .present .tip code {
      font-size: 20px;
    }
    .foot {
      padding-top: 4px;
      color: var(--st-text-color, #222);
      font: 13px/1.4 var(--st-font, sans-serif);
      opacity: 0.78;
    }
    .foot:empty {
      display: none;
    }
    .foot.large {
      font-size: 24px;
    }
    .play {
      margin-top: 4px;
      padding: 1px 10px;
      border: 1px solid var(--st-border-color, #d0d4da);
      border-radius: 6px;
      background: none;
      color: var(--st-text-color, #222);
      font: 13px/1.6 var(--st-font, sans-serif);
      cursor: pointer;
    }
    .play:focus-visible {
      outline: 2px solid var(--st-primary-color, #0060a0);
      outline-offset: 2px;
    }
    .play[hidden] {
      display: none;
    }
    .live {
      position: absolute;
      width: 1px;
      height: 1px;
      overflow: hidden;
      clip-path: inset(50%);
    }
  </style>
  <div class="matrix">
    <canvas class="cells" tabindex="0" role="application" aria-roledescription="matrix"></canvas>
    <canvas class="over" aria-hidden="true"></canvas>
    <div class="tip" hidden></div>
    <div class="room"></div>
  </div>
  <div class="foot"></div>
  <button class="play" type="button" hidden></button>
  <div class="live" aria-live="polite"></div>
`

export const DROPOUT_MARKUP = `
  <style>
    :host { display: block; }
    .live { color: var(--st-text-color, #222); font: 15px/1.45 var(--st-font, sans-serif); font-variant-numeric: tabular-nums; }
    .top { display: flex; flex-wrap: wrap; align-items: center; gap: 0 14px; padding: 2px 0 6px; }
    .rate { font-weight: 650; font-size: 1.2em; min-width: 5em; }
    .factor { min-width: min(14.5em, 100%); }
    input { flex: 1; min-width: 60px; height: 24px; margin: 0; accent-color: var(--st-primary-color, #0060a0); cursor: pointer; }
    input:focus-visible, canvas:focus-visible { outline: 2px solid var(--st-primary-color, #0060a0); outline-offset: 2px; border-radius: 4px; }
    canvas { display: block; width: 100%; cursor: crosshair; touch-action: manipulation; }
    p { margin: 3px 0 0; overflow-wrap: anywhere; }
    .sum { font-weight: 600; }
    .from { font-size: 0.87em; opacity: 0.8; }
  </style>
  <div class="live">
    <label class="top">
      <span class="rate"></span><input type="range" aria-label="dropout rate p"><span class="factor"></span>
    </label>
    <canvas tabindex="0" role="application" aria-roledescription="dropout"></canvas>
    <p class="sum"></p>
    <p class="count"></p>
    <p class="from"></p>
  </div>
`
