package dev.bowline.text;

import dev.bowline.BowlineException;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/// The tokenizer library in a separate process, for files with which it can crash or never return.
///
/// The process starts at construction and ends with [#close]. After a request that it did not survive, every
/// further one is refused with the same message.
final class TokenizerProcess implements TokenizerEngine {

    private static final Duration START = Duration.ofSeconds(20);
    private static final Duration ANSWER = Duration.ofSeconds(5);

    /// A byte-level tokenizer encodes six times as many characters in a millisecond on a machine of two cores.
    private static final long CHARACTERS_PER_MILLISECOND = 100;

    private static final int LONGEST_MESSAGE = 300;

    private final Path file;
    private final String risk;
    private final Process process;
    private final DataOutputStream requests;
    private final DataInputStream answers;
    private final CompletableFuture<String> messages;

    private TokenizerProcess(Path file, String risk, Process process) {
        this.file = file;
        this.risk = risk;
        this.process = process;
        requests = new DataOutputStream(new BufferedOutputStream(process.getOutputStream()));
        answers = new DataInputStream(new BufferedInputStream(process.getInputStream()));
        messages = CompletableFuture.supplyAsync(() -> head(process.getErrorStream()), Thread::startVirtualThread);
    }

    /// @param risk the part of the file that needs a separate process, for messages
    static TokenizerProcess start(Path file, String risk) {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        ProcessBuilder command = new ProcessBuilder(List.of(
                java.toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xmx1g",
                "-Xlog:disable",
                "-cp",
                System.getProperty("java.class.path"),
                IsolatedTokenizer.class.getName(),
                file.toAbsolutePath().toString()));
        command.environment().put("RUST_BACKTRACE", "0");
        TokenizerProcess started;
        try {
            started = new TokenizerProcess(file, risk, command.start());
        } catch (IOException e) {
            throw new BowlineException(
                    "%s has %s, so it runs in a separate process, which does not start: %s"
                            .formatted(file, risk, e.getMessage()),
                    "use the tokenizer.json that came with the model",
                    e);
        }
        try {
            started.answer(START, _ -> "");
        } catch (BowlineException e) {
            started.close();
            throw e;
        }
        return started;
    }

    @Override
    public Encoded encode(String text) {
        Duration limit = ANSWER.plusMillis(text.length() / CHARACTERS_PER_MILLISECOND);
        return ask(
                IsolatedTokenizer.Request.ENCODE,
                limit,
                out -> IsolatedTokenizer.writeText(out, text),
                IsolatedTokenizer::readEncoded);
    }

    @Override
    public String decode(long[] ids, SpecialTokenText special) {
        IsolatedTokenizer.Request request = switch (special) {
            case SKIPPED -> IsolatedTokenizer.Request.DECODE_SKIPPING;
            case WRITTEN -> IsolatedTokenizer.Request.DECODE_WRITING;
        };
        return ask(request, ANSWER, out -> IsolatedTokenizer.writeIds(out, ids), IsolatedTokenizer::readText);
    }

    @FunctionalInterface
    private interface Payload {
        void writeTo(DataOutputStream requests) throws IOException;
    }

    @FunctionalInterface
    private interface Result<T> {
        T readFrom(DataInputStream answers) throws IOException;
    }

    private synchronized <T> T ask(
            IsolatedTokenizer.Request request, Duration limit, Payload payload, Result<T> result) {
        try {
            requests.writeByte(request.ordinal());
            payload.writeTo(requests);
            requests.flush();
        } catch (IOException _) {
            throw ended(false, limit);
        }
        return answer(limit, result);
    }

    /// Reads one answer and ends the process if that takes longer than `limit`.
    private <T> T answer(Duration limit, Result<T> result) {
        CompletableFuture<Void> alarm = CompletableFuture.runAsync(
                process::destroyForcibly, CompletableFuture.delayedExecutor(limit.toMillis(), TimeUnit.MILLISECONDS));
        try {
            boolean answered = answers.readBoolean();
            if (answered) {
                return result.readFrom(answers);
            }
            String problem = IsolatedTokenizer.readText(answers);
            throw new BowlineException(problem, IsolatedTokenizer.readText(answers));
        } catch (IOException _) {
            throw ended(alarm.isDone(), limit);
        } finally {
            alarm.cancel(false);
        }
    }

    private BowlineException ended(boolean tooLong, Duration limit) {
        // Destroying the process closes its streams, so its last words are read first.
        String why = tooLong
                ? "takes longer than %d s".formatted(limit.toSeconds())
                : "ends its process: %s"
                        .formatted(messages.completeOnTimeout("no message", 2, TimeUnit.SECONDS)
                                .join());
        process.destroyForcibly();
        return new BowlineException(
                "%s has %s, with which the tokenizers library %s".formatted(file, risk, why),
                "use the tokenizer.json that came with the model, or leave out the text that it fails on");
    }

    /// The line that says why, after the one that says where in the library's source.
    private static String head(InputStream errors) {
        try (errors) {
            String text = new String(errors.readNBytes(1 << 16), StandardCharsets.UTF_8);
            errors.transferTo(OutputStream.nullOutputStream());
            List<String> lines = text.lines().filter(line -> !line.isBlank()).toList();
            int panic = 0;
            while (panic < lines.size() && !lines.get(panic).startsWith("thread ")) {
                panic++;
            }
            String why = panic + 1 < lines.size() ? lines.get(panic + 1) : String.join(" ", lines);
            return why.length() > LONGEST_MESSAGE ? why.substring(0, LONGEST_MESSAGE) : why;
        } catch (IOException _) {
            return "no message";
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
