package dev.bowline.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/// A stream of the process as text. A [PrintWriter] forgets why it could not write; this one remembers.
final class ProcessPrinter extends PrintWriter {

    private final Remembering stream;

    private ProcessPrinter(Remembering stream) {
        super(new PrintableWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8)));
        this.stream = stream;
    }

    static ProcessPrinter of(FileDescriptor descriptor) {
        return of(new FileOutputStream(descriptor));
    }

    static ProcessPrinter of(OutputStream stream) {
        return new ProcessPrinter(new Remembering(stream));
    }

    /// The first failure to write.
    Optional<IOException> failure() {
        return stream.failure;
    }

    private static final class Remembering extends OutputStream {

        private final OutputStream stream;
        private volatile Optional<IOException> failure = Optional.empty();

        Remembering(OutputStream stream) {
            this.stream = stream;
        }

        @Override
        public void write(int single) throws IOException {
            write(new byte[] {(byte) single}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int from, int length) throws IOException {
            try {
                stream.write(bytes, from, length);
            } catch (IOException e) {
                failure = failure.or(() -> Optional.of(e));
                throw e;
            }
        }

        @Override
        public void flush() throws IOException {
            try {
                stream.flush();
            } catch (IOException e) {
                failure = failure.or(() -> Optional.of(e));
                throw e;
            }
        }
    }
}
