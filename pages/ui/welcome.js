// Shows the welcome to who has not closed it in this browser. Where storage is switched off it is shown each time.

const KEY = "prunelab welcome"

export default function ({ parentElement }) {
  const card = parentElement.querySelector(".welcome")
  card.hidden = read() === "closed"
  card.querySelector("button").onclick = () => {
    card.hidden = true
    write("closed")
  }
}

function read() {
  try {
    return localStorage.getItem(KEY)
  } catch {
    return null
  }
}

function write(value) {
  try {
    localStorage.setItem(KEY, value)
  } catch {
    // then it is closed for this page alone
  }
}
