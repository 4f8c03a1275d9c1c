package dev.bowline.text.jinja;

import dev.bowline.BowlineException;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A parsed template. It keeps no state, so one can be rendered many times and by many threads at once.
///
/// It is the language of jinja2 3.1 with the options of Hugging Face's chat templates: `trim_blocks`,
/// `lstrip_blocks`, loop controls, `{% generation %}` blocks, their `tojson`, `raise_exception` and
/// `strftime_now`, and the immutable sandbox. Templates cannot reach anything but the values they are given. The
/// steps, texts, call depth and time of a rendering are bounded.
public final class Template {

    private final String name;
    private final List<Statement> statements;

    private Template(String name, List<Statement> statements) {
        this.name = name;
        this.statements = statements;
    }

    /// @param name the name in messages, such as its file
    public static Template parse(String name, String source) {
        try {
            return new Template(name, StatementParser.parse(source));
        } catch (TemplateFailure failure) {
            throw new BowlineException(
                    "%s, line %d: %s".formatted(name, failure.line(), failure.what()),
                    "correct the template; the language is Jinja as transformers' chat templates use it");
        }
    }

    /// Prints the template with these variables. Throws a [BowlineException] that names the template and the line
    /// when it refuses its input (`raise_exception`) or fails.
    ///
    /// @param clock the clock of `strftime_now`
    public Rendering render(Map<String, Value> variables, Clock clock) {
        return render(variables, clock, RenderBudget.USUAL);
    }

    /// The same within other limits.
    Rendering render(Map<String, Value> variables, Clock clock, RenderBudget.Limits limits) {
        return RenderBudget.within(limits, () -> renderWithinBudget(variables, clock));
    }

    private Rendering renderWithinBudget(Map<String, Value> variables, Clock clock) {
        RenderState run = new RenderState();
        Scope scope = Scope.of(Globals.at(clock)).inner();
        variables.forEach(scope::set);
        Output page = new Output(Output.Destination.PAGE);
        try {
            runPage(run, scope, page);
        } catch (TemplateFailure failure) {
            throw new BowlineException(
                    "%s, line %d: %s".formatted(name, failure.line(), failure.what()),
                    "change the messages to what the template accepts, or use another template");
        }
        var tracking = run.lostGeneration() ? Rendering.GenerationTracking.LOST : Rendering.GenerationTracking.COMPLETE;
        return new Rendering(page.text(), page.generations(), tracking);
    }

    private void runPage(RenderState run, Scope scope, Output page) {
        try {
            new Executor(run).page(statements, scope, page);
        } catch (StackOverflowError _) {
            // Values can be nested by a loop, so their depth is not bounded by the template's.
            throw new TemplateFailure("it makes a value that is nested too deep", 1);
        }
    }

    public String name() {
        return name;
    }

    /// The names that it reads at a place where it has not surely set them: the variables it wants, and what it
    /// uses of the functions that every template has.
    public Set<String> variables() {
        return FreeVariables.of(statements);
    }
}
