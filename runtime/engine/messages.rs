//! The loop's side of the inbox: the messages of other threads, and what each of them does.

use super::core::Core;
use super::happening::{Cause, Happening};
use super::inbox::Message;
use super::observation::Activity;
use super::panic::call_quietly;

impl Core {
    /// Handles the messages that the inbox holds at this moment.
    #[cold]
    pub(super) fn read_messages(&self) {
        self.tasks.current.set(None);
        self.observation.clear_reading();
        self.tasks.hook.because(|| Cause::THREAD);
        if self.look.note_remote_wake() {
            self.parks_at_once.set(false);
        }
        let mut messages = self.messages.take();
        self.inbox.queue.drain(&mut messages);
        for message in messages.drain(..) {
            self.tasks.hook.tell(|_| Happening::MessageTaken(message.taken()));
            match message {
                Message::Wake(ticket) => {
                    let queued = self.tasks.queued.get();
                    self.tasks.wake(ticket);
                    let added = self.tasks.queued.get().wrapping_sub(queued);
                    self.inbox.counters.wakes_remote.add(added); // a queued or ended task adds 0
                }
                // The call runs foreign code. Its panic must not lose the messages behind it.
                Message::Call(call) => self.run_foreign(Activity::Call, || call_quietly(call)),
                Message::Stop => self.request_stop(),
            }
        }
        self.messages.replace(messages);
        self.tasks.hook.because(|| Cause::OUTSIDE);
    }
}
