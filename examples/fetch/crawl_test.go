//go:build unix

package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/webserver"
)

// site is a binary tree of pages, depth steps deep, whose leaves link back to the
// root, to another host, and to what is no page.
func site(t *testing.T, depth int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	last := 1<<(depth+1) - 1
	for n := 1; n <= last; n++ {
		var page strings.Builder
		fmt.Fprintf(&page, "<!doctype html><title>%d</title>", n)
		for _, next := range []int{2 * n, 2*n + 1} {
			if next <= last {
				fmt.Fprintf(&page, `<a href="/%d.html#top">%d</a><A HREF='%d.html?'>again</A>`, next, next, next)
			}
		}
		if 2*n > last {
			page.WriteString(`<a href="1.html">root</a> <a href="http://elsewhere.invalid/">elsewhere</a> <a href="mailto:a@b">mail</a> <a href="http://%zz">no address</a>`)
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprint(n, ".html")), []byte(page.String()), 0o600))
	}
	return dir
}

func TestFetchCrawlsServersNotWrittenHere(t *testing.T) {
	const depth = 5
	for name, start := range map[string]func(t *testing.T, dir string) *webserver.Server{
		"nginx":  func(t *testing.T, dir string) *webserver.Server { return webserver.Nginx(t, dir, "") },
		"python": webserver.Python,
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, site(t, depth))
			root := "http://" + s.Addr + "/1.html"
			for steps := range depth + 2 {
				o := testOptions()
				o.depth, o.pages = steps, 1000
				c, _ := crawl(t, o, nil, root)
				// Each page but the root has two addresses: one with an empty query.
				want := 2*(1<<(min(steps, depth)+1)-1) - 1
				require.Equal(t, want, c.summary.pages, "pages up to %d steps away", steps)
				require.EqualValues(t, want, c.summary.groups["200"].times.TotalCount())
			}
			o := testOptions()
			o.depth, o.pages = depth, 10
			c, _ := crawl(t, o, nil, root)
			require.Equal(t, 10, c.summary.pages, "with -pages 10")
		})
	}
}

func TestLinksAreThoseOfAPage(t *testing.T) {
	base, err := url.Parse("http://host/dir/page")
	require.NoError(t, err)
	for page, want := range map[string]string{
		``:                                "[]",
		`<a href=x>`:                      "[http://host/dir/x]",
		`<a href="/x?a=1&amp;b">`:         "[http://host/x?a=1&b]",
		`<a href="//other/x">`:            "[http://other/x]",
		`<base href="/b/"><a href=x>`:     "[http://host/b/x]",
		`<a name=x><a href=""><p href=y>`: "[http://host/dir/page]",
		`<!-- <a href=x> --><script>"<a href=y>"</script>`: "[]",
		`<a href="javascript:x"><a href="ftp://x/">`:       "[]",
		`<a href=x`: "[]",
	} {
		found, err := links(strings.NewReader(page), base)
		require.NoError(t, err)
		require.Equal(t, want, fmt.Sprint(found), page)
	}
}
