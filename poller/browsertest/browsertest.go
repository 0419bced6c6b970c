package browsertest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// names are what the browser is called, here and there.
var names = []string{"chromium", "chromium-browser", "google-chrome"}

// patience is how long the browser may take for one command.
//
// Bound: a page that never shows what a test waits for ends the test with a
// message, and not with the time limit of all tests.
const patience = 60 * time.Second

// Browser is a browser of its own, with an empty profile. It belongs to the
// goroutine of the test.
type Browser struct {
	t       *testing.T
	out     *os.File      // commands, each ended by a zero byte
	in      *bufio.Reader // answers and events, likewise
	pipe    *os.File      // under in
	said    *bytes.Buffer // its standard error
	command int
	// complaints are the errors of pages' consoles, by session.
	complaints map[string][]string
}

// Page is a window of the browser.
type Page struct {
	b       *Browser
	session string
}

// Start starts a browser, which ends with the test. The test is skipped where
// there is none.
func Start(t *testing.T) *Browser {
	t.Helper()
	var path string
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skipf("no browser: none of %s is installed (apt-get install chromium)", strings.Join(names, ", "))
	}
	profile, err := os.MkdirTemp("", "weft-browser-")
	require.NoError(t, err)
	cmd := exec.Command(path,
		"--headless=new", "--remote-debugging-pipe", "--user-data-dir="+profile,
		"--no-sandbox", // or it does not start as root, as in a container
		"--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking")
	b := &Browser{t: t, said: new(bytes.Buffer), complaints: map[string][]string{}}
	cmd.Stderr = b.said
	// The browser's descriptors 3 and 4.
	commands, out, err := os.Pipe()
	require.NoError(t, err)
	in, answers, err := os.Pipe()
	require.NoError(t, err)
	cmd.ExtraFiles = []*os.File{commands, answers}
	cmd.WaitDelay = 5 * time.Second // for helpers of it that hold its standard error
	require.NoError(t, cmd.Start())
	b.out, b.pipe, b.in = out, in, bufio.NewReader(in)
	require.NoError(t, commands.Close())
	require.NoError(t, answers.Close())
	t.Cleanup(func() {
		_ = out.Close() // it ends with the pipe
		ended := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		ended.Stop()
		_ = in.Close()
		_ = os.RemoveAll(profile)
	})
	return b
}

// Open opens a page, in a window of its own.
func (b *Browser) Open(url string) *Page {
	b.t.Helper()
	p := b.window()
	p.navigate(url)
	return p
}

// OpenOffline opens a page in a window that has no network, and notes what it
// complains about from the beginning.
func (b *Browser) OpenOffline(url string) *Page {
	b.t.Helper()
	p := b.window()
	for _, domain := range []string{"Network", "Runtime", "Log"} {
		b.do(p.session, domain+".enable", map[string]any{}, nil)
	}
	b.do(p.session, "Network.emulateNetworkConditions",
		map[string]any{"offline": true, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}, nil)
	p.navigate(url)
	p.Eval(`new Promise((resolve) => document.readyState === "complete" ? resolve(true) : addEventListener("load", () => resolve(true)))`, nil)
	return p
}

// Complaints are the errors on the console of a page that was opened offline, so
// far.
func (p *Page) Complaints() []string { return p.b.complaints[p.session] }

// Emulate makes the window as wide as a screen of so many pixels, and lets the
// page think that its reader likes the dark or the light.
func (p *Page) Emulate(width int, dark bool) {
	p.b.t.Helper()
	p.b.do(p.session, "Emulation.setDeviceMetricsOverride",
		map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": true}, nil)
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	p.b.do(p.session, "Emulation.setEmulatedMedia",
		map[string]any{"features": []map[string]any{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// window opens an empty window.
func (b *Browser) window() *Page {
	b.t.Helper()
	var target struct{ TargetID string }
	b.do("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.do("", "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	return &Page{b, attached.SessionID}
}

func (p *Page) navigate(url string) {
	p.b.t.Helper()
	var navigated struct{ ErrorText string }
	p.b.do(p.session, "Page.navigate", map[string]any{"url": url}, &navigated)
	require.Empty(p.b.t, navigated.ErrorText, "opening %s", url)
}

// Eval evaluates JavaScript in the page and puts its value into result, which
// may be nil. If the value is a promise, it waits for that.
func (p *Page) Eval(script string, result any) {
	p.b.t.Helper()
	var evaluated struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	p.b.do(p.session, "Runtime.evaluate",
		map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true}, &evaluated)
	require.Empty(p.b.t, string(evaluated.ExceptionDetails), "evaluating %s", script)
	if result != nil {
		require.NoError(p.b.t, json.Unmarshal(evaluated.Result.Value, result), "the value of %s: %s", script, evaluated.Result.Value)
	}
}

// Shows waits until the text of the page contains the text.
func (p *Page) Shows(text string) {
	p.b.t.Helper()
	quoted, err := json.Marshal(text)
	require.NoError(p.b.t, err)
	p.Eval(`new Promise((resolve) => {
		const look = () => {
			if (!document.body || !document.body.innerText.includes(`+string(quoted)+`)) return false;
			resolve(true);
			return true;
		};
		if (look()) return;
		const observer = new MutationObserver(() => { if (look()) observer.disconnect(); });
		observer.observe(document, { subtree: true, childList: true, characterData: true });
	})`, nil)
}

// do carries out a command, whose result may be nil. Events are passed over, but for
// complaints.
func (b *Browser) do(session, method string, params map[string]any, result any) {
	b.t.Helper()
	b.command++
	request := map[string]any{"id": b.command, "method": method, "params": params}
	if session != "" {
		request["sessionId"] = session
	}
	text, err := json.Marshal(request)
	require.NoError(b.t, err)
	_, err = b.out.Write(append(text, 0))
	require.NoError(b.t, err, "%s; the browser said: %s", method, b.said)
	require.NoError(b.t, b.pipe.SetReadDeadline(time.Now().Add(patience)))
	for {
		text, err := b.in.ReadBytes(0)
		require.NoError(b.t, err, "the answer to %s %v", method, params)
		var answer struct {
			ID        int
			Error     json.RawMessage
			Result    json.RawMessage
			SessionID string
			event
		}
		require.NoError(b.t, json.Unmarshal(text[:len(text)-1], &answer))
		if answer.ID != b.command {
			if answer.complains() {
				b.complaints[answer.SessionID] = append(b.complaints[answer.SessionID], string(text[:len(text)-1]))
			}
			continue
		}
		require.Empty(b.t, string(answer.Error), "%s %v", method, params)
		if result != nil {
			require.NoError(b.t, json.Unmarshal(answer.Result, result), "the result of %s: %s", method, answer.Result)
		}
		return
	}
}
