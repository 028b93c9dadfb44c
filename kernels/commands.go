package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"galdecon/galdecon/backend/compiled"
	"galdecon/internal/console"
	"galdecon/internal/home"
	"galdecon/kernels/doctor"
	"galdecon/kernels/launch"
	"galdecon/kernels/notebook"
)

// command is the command line.
func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "galdecon",
		Short:         "Galaxy deconvolution in Go notebooks",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	// One dash is how Go's own commands spell it.
	args := slices.Clone(os.Args[1:])
	if i := slices.Index(args, "-all"); i >= 0 && args[0] == "run" {
		args[i] = "--all"
	}
	root.SetArgs(args)
	root.AddCommand(quickstart(), setup(), diagnose(), run(), export(), scores(), benches(),
		deconvolves(), adapts(), models(), lab(), kernel())
	return root
}

func quickstart() *cobra.Command {
	out := "executed"
	cmd := &cobra.Command{
		Use:   "quickstart",
		Short: "Set up what is missing and execute notebooks/00_quickstart.ipynb",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			repo, err := home.FindRepo()
			if err != nil {
				return err
			}
			return execute(cmd.Context(), out,
				filepath.Join(repo, "notebooks", "00_quickstart.ipynb"))
		},
	}
	cmd.Flags().StringVar(&out, "out", out, "directory for the executed notebook and its HTML page")
	return cmd
}

func setup() *cobra.Command {
	return &cobra.Command{
		Use: "setup",
		Short: "Set up what is missing: Python environment, kernel, kernelspec; register the " +
			"kernel for VS Code",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, repo, c, err := prepare(cmd.Context())
			if err != nil {
				return err
			}
			if path, err := h.Register(repo); err != nil {
				c.Printf("warning: VS Code, and a Jupyter of your own, won't find the kernel; "+
					"`go run ./kernels lab` does: %v", err)
			} else {
				c.Printf("the kernel is registered for VS Code and other Jupyters in %s", path)
			}
			c.Printf("all is set up in %s", h.Dir)
			return nil
		},
	}
}

func diagnose() *cobra.Command {
	clear := false
	cmd := &cobra.Command{
		Use: "doctor",
		Short: "Say what is there, in which version, and what to do about what is missing; " +
			"changes nothing",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := home.Open()
			if err != nil {
				return err
			}
			if clear {
				return (compiled.Cache{Dir: h.Compiled()}).Clear()
			}
			return doctor.Examine(cmd.Context(), h, os.Stdout)
		},
	}
	cmd.Flags().BoolVar(&clear, "clear-compiled", clear,
		"only delete the compiled XLA programs; they are made again when they are needed")
	return cmd
}

func run() *cobra.Command {
	out, all := "executed", false
	cmd := &cobra.Command{
		Use:   "run NOTEBOOK… | -all",
		Short: "Execute notebooks headless; fails if a cell does",
		Args: func(cmd *cobra.Command, args []string) error {
			if all {
				return cobra.NoArgs(cmd, args)
			}
			return cobra.MinimumNArgs(1)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, notebooks []string) error {
			if all {
				repo, err := home.FindRepo()
				if err != nil {
					return err
				}
				if notebooks, err = notebook.Numbered(filepath.Join(repo,
					"notebooks")); err != nil {
					return err
				}
			}
			return execute(cmd.Context(), out, notebooks...)
		},
	}
	cmd.Flags().StringVar(&out, "out", out,
		"directory for the executed notebooks and their HTML pages")
	cmd.Flags().BoolVar(&all, "all", all,
		"execute the numbered notebooks of notebooks/, in their order")
	return cmd
}

func export() *cobra.Command {
	out, pdf := "executed", false
	cmd := &cobra.Command{
		Use:   "export NOTEBOOK…",
		Short: "Make a self-contained HTML page of each executed notebook, without executing it",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, notebooks []string) error {
			if err := distinct(out, notebooks); err != nil {
				return err
			}
			c := console.New(os.Stdout)
			repo, err := home.FindRepo()
			if err != nil {
				return err
			}
			h, err := home.Open()
			if err != nil {
				return err
			}
			if err := h.SetupPython(cmd.Context(), c); err != nil {
				return err
			}
			var failed []error
			for _, nb := range notebooks {
				page, err := notebook.Export(cmd.Context(), nb,
					notebook.Options{Home: h, Repo: repo, Out: out, Console: c})
				if err != nil {
					failed = append(failed, err)
					continue
				}
				c.Printf("%s", page)
				if !pdf {
					continue
				}
				c.Status("printing " + page)
				if page, err = notebook.PDF(cmd.Context(), page); err != nil {
					failed = append(failed, err)
					continue
				}
				c.Printf("%s", page)
			}
			return errors.Join(failed...)
		},
	}
	cmd.Flags().StringVar(&out, "out", out, "directory for the pages")
	cmd.Flags().BoolVar(&pdf, "pdf", pdf, "print each page to a PDF, too (by Chromium or Chrome)")
	return cmd
}

func lab() *cobra.Command {
	return &cobra.Command{
		Use:   "lab [-- ARGUMENTS OF JUPYTER LAB]",
		Short: "Open JupyterLab on the notebooks",
		RunE: func(cmd *cobra.Command, args []string) error {
			h, repo, c, err := prepare(cmd.Context())
			if err != nil {
				return err
			}
			argv := []string{h.Python(), "-I", "-m", "jupyterlab",
				"--ServerApp.root_dir=" + filepath.Join(repo, "notebooks"),
				"--MultiKernelManager.default_kernel_name=" + home.KernelName}
			if os.Geteuid() == 0 {
				// Jupyter refuses, and who started this means it, as in a container.
				c.Printf("JupyterLab runs as root, and so does what its notebooks do: " +
					"don't let others see the address below")
				argv = append(argv, "--allow-root")
			}
			argv = append(argv, args...)
			// This process becomes JupyterLab, so that Ctrl-C and every other signal reach it.
			return fmt.Errorf("starting JupyterLab: %w", syscall.Exec(argv[0], argv, h.Env(repo)))
		},
	}
}

// kernel is what the kernelspec calls.
func kernel() *cobra.Command {
	var dir, repo, goDir string
	cmd := &cobra.Command{
		Use:    "kernel CONNECTION-FILE",
		Short:  "Start the kernel for Jupyter",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if r := os.Getenv(home.RepoEnv); r != "" {
				repo = r
			}
			if goDir != "" {
				if err := os.Setenv("PATH",
					os.Getenv("PATH")+string(os.PathListSeparator)+goDir); err != nil {
					return err
				}
			}
			status, err := launch.Kernel(home.Home{Dir: dir}, repo, args[0])
			if err != nil {
				return err
			}
			os.Exit(status)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "home", "", "galdecon's per-user directory")
	cmd.Flags().StringVar(&goDir, "go", "", "where go is if it isn't on the PATH")
	cmd.Flags().StringVar(&repo, "repo", "",
		"the repository that notebooks build against, unless "+home.RepoEnv+" names one")
	return cmd
}

// prepare finds the repository and sets up what is missing.
func prepare(ctx context.Context) (h home.Home, repo string, c *console.Console, err error) {
	c = console.New(os.Stdout)
	if repo, err = home.FindRepo(); err != nil {
		return
	}
	if h, err = home.Open(); err != nil {
		return
	}
	err = h.Setup(ctx, repo, c)
	return
}

// distinct returns an error where the results of two notebooks would have the same name.
func distinct(out string, notebooks []string) error {
	seen := map[string]string{}
	for _, nb := range notebooks {
		name := filepath.Base(nb)
		if other, ok := seen[name]; ok {
			return fmt.Errorf("%s and %s would both be written to %s; take them one by one, with "+
				"--out", other, nb, filepath.Join(out, name))
		}
		seen[name] = nb
	}
	return nil
}

// execute executes notebooks one after the other, also after one that failed.
func execute(ctx context.Context, out string, notebooks ...string) error {
	if err := distinct(out, notebooks); err != nil {
		return err
	}
	var bad []error
	for _, nb := range notebooks {
		if err := notebook.Check(nb); err != nil {
			bad = append(bad, err)
		}
	}
	if len(bad) == len(notebooks) {
		return errors.Join(bad...) // before setting up anything
	}
	h, repo, c, err := prepare(ctx)
	if err != nil {
		return err
	}
	o := notebook.Options{Home: h, Repo: repo, Out: out, Console: c}
	var summary strings.Builder
	table := tabwriter.NewWriter(&summary, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "notebook\tcells\ttime\tresult")
	var failed []string
	for _, nb := range notebooks {
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted before %s", nb)
		}
		res, err := notebook.Run(ctx, nb, o)
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err != nil {
			failed = append(failed, nb)
			fmt.Fprintf(table, "%s\t-\t-\tnot executed\n", filepath.Base(nb))
			c.Printf("%v", err)
			continue
		}
		result := "ok"
		if res.Failed != nil {
			failed = append(failed, nb)
			result = fmt.Sprintf("cell %d failed", res.Failed.Number)
			c.Printf("%v", res.Failed)
		}
		fmt.Fprintf(table, "%s\t%d of %d\t%.1f s\t%s\n", filepath.Base(nb), res.Cells, res.Total,
			res.Elapsed.Seconds(), result)
		c.Printf("%.1f s; written:\n  %s\n  %s", res.Elapsed.Seconds(), res.Notebook, res.HTML)
	}
	if len(notebooks) > 1 {
		_ = table.Flush() // to memory
		c.Printf("\n%s", summary.String())
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d notebooks failed: %s", len(failed), len(notebooks),
			strings.Join(failed, ", "))
	}
	return nil
}
