// Rows slide to their new place: where they were is measured, they are put where they belong, and only look as if
// they were still there, by a transform that ends. Layout is computed once per change, whatever moves.

import { Component } from "./vendor/htm-preact.js";

const SLIDE = { duration: 600, easing: "cubic-bezier(.2, .7, .2, 1)" };
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

/** Around a table: its rows with a data-id slide, but not when `scene` changes (another board). table: a ref. */
export class Sliding extends Component {
  getSnapshotBeforeUpdate() {
    const tops = new Map(this.rows().map((row) => [row.dataset.id, topOf(row)]));
    return { tops, focused: document.activeElement, scene: this.shownScene };
  }

  componentDidMount() {
    this.shownScene = this.props.scene;
  }

  componentDidUpdate(props, state, { tops, focused, scene }) {
    // A row that is moved in the document loses the focus, and its reader the place.
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
    this.shownScene = this.props.scene;
    if (scene !== this.props.scene || stillness.matches || document.hidden) return;
    const rows = this.rows();
    // Scores change ten times a second, places hardly ever: a slide under way then goes on.
    if (rows.map((row) => row.dataset.id).join() === [...tops.keys()].join()) return;
    for (const row of rows) row.getAnimations().forEach((animation) => animation.cancel());
    const moved = rows.map((row) => [row, tops.get(row.dataset.id), topOf(row)]);       // read all, then write all
    for (const [element, from, to] of moved) {
      if (from === undefined) element.animate([{ opacity: 0 }, { opacity: 1 }], SLIDE);
      else if (Math.abs(from - to) > 1) {
        element.animate([{ transform: `translateY(${from - to}px)` }, { transform: "none" }], SLIDE);
      }
    }
  }

  rows() {
    return [...(this.props.table.current?.querySelectorAll("[data-id]") ?? [])];
  }

  render() {
    return this.props.children;
  }
}

/** Relative to the rows' parent, so that scrolling is no movement; with a slide under way, where it has come to. */
const topOf = (element) => element.getBoundingClientRect().top - element.parentElement.getBoundingClientRect().top;
