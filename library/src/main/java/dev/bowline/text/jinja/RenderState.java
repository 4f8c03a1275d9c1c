package dev.bowline.text.jinja;

/// One rendering: how deep its calls are, and whether it lost track of a generation block.
final class RenderState {

    private static final int MAX_CALL_DEPTH = 150;

    private int callDepth;
    private boolean lostGeneration;

    void enterCall(String what) {
        if (++callDepth > MAX_CALL_DEPTH) {
            throw new TemplateFailure("%s calls itself more than %d deep".formatted(what, MAX_CALL_DEPTH));
        }
    }

    void leaveCall() {
        callDepth--;
    }

    void loseGeneration() {
        lostGeneration = true;
    }

    boolean lostGeneration() {
        return lostGeneration;
    }
}
