// Command echo is an ordinary function built with aws-lambda-go. Its event says what it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string `json:"do"`
	N    int    `json:"n"`
	Text string `json:"text"`
}

type answer struct {
	Event     event  `json:"event"`
	PID       int    `json:"pid"`
	RequestID string `json:"requestId"`
	ARN       string `json:"arn"`
	Function  string `json:"function"`
	Remaining int64  `json:"remaining"`
	Child     int    `json:"child"`
	Env       string `json:"env"`
	Dir       string `json:"dir"`
	Big       string `json:"big,omitempty"`
}

type customError struct{ text string }

func (e customError) Error() string { return e.text }

func handle(ctx context.Context, e event) (answer, error) {
	lc, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	dir, _ := os.Getwd()
	a := answer{
		Event: e, PID: os.Getpid(), RequestID: lc.AwsRequestID, ARN: lc.InvokedFunctionArn, Function: lambdacontext.FunctionName,
		Remaining: time.Until(deadline).Milliseconds(), Env: os.Getenv("OWN") + os.Getenv("SWITCHHOOK_SECRET"), Dir: dir,
	}
	switch e.Do {
	case "print":
		for n := range e.N {
			fmt.Printf("line %d %s\n", n, e.Text)
		}
	case "fail":
		return a, customError{e.Text}
	case "wrapped":
		return a, errors.New(e.Text)
	case "panic":
		panic(e.Text)
	case "exit":
		fmt.Fprintln(os.Stderr, e.Text)
		os.Exit(3)
	case "wait":
		time.Sleep(time.Duration(e.N) * time.Millisecond)
	case "hang":
		fmt.Println("pid", os.Getpid())
		select {}
	case "fork":
		cmd := exec.Command("sleep", "600")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			return a, err
		}
		a.Child = cmd.Process.Pid
		fmt.Println("child", a.Child)
		if e.N > 0 {
			select {}
		}
	case "big":
		a.Big = strings.Repeat("x", e.N)
	}
	return a, nil
}

func main() { lambda.Start(handle) }
