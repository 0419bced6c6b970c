package sim_test

import (
	"context"
	"fmt"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// greeter answers a connection with a greeting.
type greeter struct{ reactor.NopHandler }

func (greeter) OnOpen(c *reactor.Conn) {
	_, _ = c.Write([]byte("hello from " + c.LocalAddr().String()))
	_ = c.Close()
}

// listener prints what it hears and stops its loop.
type listener struct {
	reactor.NopHandler
	world *sim.World
	loop  *reactor.Loop
}

func (l listener) OnData(_ *reactor.Conn, data []byte) int {
	fmt.Printf("%v: %s\n", l.world.Elapsed().Round(time.Millisecond), data)
	l.loop.Stop()
	return len(data)
}

// Two hosts, a hundred milliseconds apart, for two seconds without a connection.
func Example() {
	w := sim.New(sim.Config{Seed: 1})
	server, client := w.Host("server"), w.Host("client")
	link := w.Link(server, client)
	link.Set(sim.Conditions{Latency: 100 * time.Millisecond})
	w.At(0, link.Cut)
	w.At(2*time.Second, link.Heal)

	server.Daemon("greet", func(os poller.OS) error {
		loop, err := reactor.NewLoop(reactor.Options{OS: os})
		if err != nil {
			return err
		}
		_, err = loop.Listen("tcp", ":7", reactor.ListenOptions{}, func(*reactor.Conn) reactor.Handler { return greeter{} })
		if err != nil {
			return err
		}
		return loop.Run(context.Background())
	})
	client.Go("listen", func(os poller.OS) error {
		loop, err := reactor.NewLoop(reactor.Options{OS: os})
		if err != nil {
			return err
		}
		_, err = loop.Dial("tcp", server.Addr().String()+":7", reactor.DialOptions{}, listener{world: w, loop: loop})
		if err != nil {
			return err
		}
		return loop.Run(context.Background())
	})
	if err := w.Run(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 3.4s: hello from 10.0.0.1:7
}

// A hang is an error that says who waits for what.
func ExampleWorld_Run_hang() {
	w := sim.New(sim.Config{})
	w.Host("host").Go("waits", func(os poller.OS) error {
		_, err := os.Listen(poller.Addr{Path: "/run/socket"}, poller.ListenOptions{})
		if err == nil {
			_, err = os.Wait(make([]poller.Event, 1), -1)
		}
		return err
	})
	fmt.Println(w.Run())
	// Output:
	// sim: nothing can go on: deadlock at 1µs
	// host host [10.0.0.1]
	// 	program waits: sleeping since 1µs, for an event or a wake-up
	// 	descriptor 3: listens at /run/socket, 0 to be accepted; not registered
}
