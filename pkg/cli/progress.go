package cli

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// waiting tells a person why a command waits: on a terminal in one line that is
// written again, elsewhere in a line for each change.
type waiting struct {
	app   *app
	width int // of the terminal; 0 elsewhere
	last  string
}

// waits lets a source tell about its waiting. What is returned clears the line.
func (a *app) waits(source *promotion.Source) func() {
	w := &waiting{app: a}
	if file, ok := a.host.Err.(*os.File); ok && term.IsTerminal(int(file.Fd())) && a.host.Getenv("TERM") != "dumb" {
		if width, _, err := term.GetSize(int(file.Fd())); err == nil {
			w.width = width
		}
	}
	source.Waiting = w.tell
	source.Random = rand.Float64
	return w.clear
}

func (w *waiting) tell(why error, next time.Duration) {
	reason, _, _ := strings.Cut(why.Error(), "\n")
	text := "pawl: waiting: " + output.Clean(reason)
	if w.width == 0 {
		if text != w.last {
			w.app.say("waiting: %s", output.Clean(reason))
		}
		w.last = text
		return
	}
	tail := fmt.Sprintf(" (next look in %s)", next.Round(time.Second))
	if room := w.width - 1 - len(tail); room > 0 && len(text) > room {
		text = strings.ToValidUTF8(text[:room], "")
	}
	w.last = text
	_, _ = fmt.Fprintf(w.app.host.Err, "\r\x1b[K%s%s", text, tail)
}

func (w *waiting) clear() {
	if w.width > 0 && w.last != "" {
		_, _ = fmt.Fprint(w.app.host.Err, "\r\x1b[K")
	}
}
