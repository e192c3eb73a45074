//! Who spawned whom: a dump of tasks as a tree.
//!
//! # Implementation
//!
//! A flat list in order of ids, with links from each task to its first child and to its next sibling.
//! A task is spawned after the one that spawns it, so a parent stands before its children, a link can
//! close no circle, and nothing here recurses: a chain may be as deep as it likes.

use std::fmt;

use hob_core::task::{TaskId, TaskSnapshot};

/// Up to this level each is indented further than the one above; deeper ones say their level.
///
/// Else a long chain would be printed as a triangle of blanks, with an area of its length squared.
const LEVELS_INDENTED: usize = 24;

/// The tasks of a runtime at one moment, each below the task that spawned it.
///
/// A task whose parent has ended, or that no task spawned, is a root. Siblings stand in the order in
/// which they were spawned. Printed, each task is a line, with its number, its name, where it was
/// spawned, how often it was polled, what it last waited for, and why it was asked to end:
///
/// ```text
/// task 1 "accept", spawned at src/main.rs:9:5, 3 polls, waits in TcpListener::accept at src/main.rs:21:38
///   task 4, spawned at src/main.rs:23:9, 1 poll, waits in Queue::get at src/main.rs:30:27
///   task 7 "slow", spawned at src/main.rs:23:9, 2 polls, cancelled: "it lags"
/// ```
///
/// A control character in a name or in a reason is printed as its escape, so that neither can forge a
/// line or move the terminal's cursor.
///
/// # Examples
///
/// ```
/// use hob_task::TaskTree;
///
/// let tree = TaskTree::new(hob_task::all_tasks());
/// assert!(tree.is_empty(), "this thread is in no runtime");
/// assert_eq!(tree.to_string(), "no tasks\n");
/// ```
#[derive(Clone)]
#[doc(alias = "pstree")]
pub struct TaskTree {
    /// In order of ids, none twice.
    tasks: Vec<TaskSnapshot>,
    /// One for each task.
    links: Vec<Links>,
    first_root: Option<usize>,
}

/// Where a task stands in the tree: indexes into the tasks.
#[derive(Clone, Copy, Default)]
struct Links {
    parent: Option<usize>,
    first_child: Option<usize>,
    /// For a root, the next root.
    next_sibling: Option<usize>,
    level: usize,
}

impl TaskTree {
    /// Puts each task below the one that spawned it.
    #[must_use]
    pub fn new(mut tasks: Vec<TaskSnapshot>) -> Self {
        tasks.sort_by_key(|task| task.label.id);
        tasks.dedup_by_key(|task| task.label.id);
        let mut links = vec![Links::default(); tasks.len()];
        for (own, task) in tasks.iter().enumerate() {
            // Among those before it: a list that was made by hand may name a later task.
            let parent = task.parent.and_then(|id| find(&tasks[..own], id));
            links[own].parent = parent;
            links[own].level = parent.map_or(0, |parent| links[parent].level + 1);
        }
        // The last first, so that each goes to the front of its siblings.
        let mut first_root = None;
        for own in (0..tasks.len()).rev() {
            let front = match links[own].parent {
                Some(parent) => &mut links[parent].first_child,
                None => &mut first_root,
            };
            links[own].next_sibling = front.replace(own);
        }
        Self {
            tasks,
            links,
            first_root,
        }
    }

    /// How many tasks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Returns `true` if there is no task.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The tasks in the order in which they were spawned, whoever spawned them.
    #[must_use]
    pub fn as_slice(&self) -> &[TaskSnapshot] {
        &self.tasks
    }

    /// The task with that number.
    #[must_use]
    pub fn get(&self, id: TaskId) -> Option<&TaskSnapshot> {
        self.index_of(id).map(|index| &self.tasks[index])
    }

    /// Those that no task spawned, and those whose parent is gone.
    pub fn roots(&self) -> impl Iterator<Item = &TaskSnapshot> {
        self.siblings(self.first_root)
    }

    /// Those that the task `id` spawned; none for a task that is not here.
    pub fn children(&self, id: TaskId) -> impl Iterator<Item = &TaskSnapshot> {
        let parent = self.index_of(id);
        self.siblings(parent.and_then(|parent| self.links[parent].first_child))
    }

    /// All of them as they are printed, a task before its children, each with its level: 0 for a
    /// root.
    pub fn walk(&self) -> impl Iterator<Item = (usize, &TaskSnapshot)> {
        std::iter::successors(self.first_root, |last| self.after(*last))
            .map(|index| (self.links[index].level, &self.tasks[index]))
    }

    fn index_of(&self, id: TaskId) -> Option<usize> {
        find(&self.tasks, id)
    }

    fn siblings(&self, first: Option<usize>) -> impl Iterator<Item = &TaskSnapshot> {
        std::iter::successors(first, |last| self.links[*last].next_sibling)
            .map(|index| &self.tasks[index])
    }

    /// The one to be printed after `index`: its child, or the next sibling of it or of the nearest
    /// ancestor that has one.
    fn after(&self, index: usize) -> Option<usize> {
        self.links[index].first_child.or_else(|| {
            std::iter::successors(Some(index), |at| self.links[*at].parent)
                .find_map(|at| self.links[at].next_sibling)
        })
    }
}

impl fmt::Display for TaskTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no tasks\n");
        }
        for (level, task) in self.walk() {
            let indent = 2 * level.min(LEVELS_INDENTED);
            write!(f, "{:indent$}", "")?;
            if level > LEVELS_INDENTED {
                write!(f, "(level {level}) ")?;
            }
            write_task(f, task)?;
            f.write_str("\n")?;
        }
        Ok(())
    }
}

impl fmt::Debug for TaskTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskTree")
            .field("tasks", &self.tasks.len())
            .field("roots", &self.roots().count())
            .finish_non_exhaustive()
    }
}

/// Finds a task among some that are in order of their ids.
fn find(tasks: &[TaskSnapshot], id: TaskId) -> Option<usize> {
    tasks.binary_search_by_key(&id, |task| task.label.id).ok()
}

fn write_task(f: &mut fmt::Formatter<'_>, task: &TaskSnapshot) -> fmt::Result {
    // A label prints its name as a literal, escapes and all.
    write!(f, "{}", task.label)?;
    match task.polls {
        0 => f.write_str(", not polled yet")?,
        1 => f.write_str(", 1 poll")?,
        polls => write!(f, ", {polls} polls")?,
    }
    if let Some(wait) = &task.wait {
        write!(f, ", waits in {wait}")?;
    }
    if let Some(reason) = &task.cancel {
        write!(f, ", cancelled: {:?}", reason.to_string())?;
    }
    Ok(())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::panic::Location;

    use hob_core::TaskSlot;
    use hob_core::task::{CancelReason, Occupant, Request, TaskLabel};

    use super::*;

    const ENV: u64 = 0;

    /// A slot with a task in it.
    #[track_caller]
    fn slot(name: &str, parent: Option<TaskId>) -> (TaskSlot, TaskId) {
        let slot = TaskSlot::new();
        let label = TaskLabel::new(Some(name.into()), Location::caller());
        let id = label.id;
        let env = ENV;
        slot.occupy(Occupant { label, parent, env });
        (slot, id)
    }

    #[track_caller]
    fn task(name: &str, parent: Option<TaskId>) -> TaskSnapshot {
        let (slot, _id) = slot(name, parent);
        slot.snapshot(ENV).expect("it is occupied")
    }

    #[track_caller]
    fn child(name: &str, parent: &TaskSnapshot) -> TaskSnapshot {
        task(name, Some(parent.label.id))
    }

    fn names<'a>(tasks: impl Iterator<Item = &'a TaskSnapshot>) -> Vec<&'a str> {
        let name = |task: &'a TaskSnapshot| task.label.name.as_deref();
        tasks
            .map(|task| name(task).expect("each has a name"))
            .collect()
    }

    /// A grandmother with two children and one grandchild, and a task whose parent is gone.
    fn family() -> Vec<TaskSnapshot> {
        let eve = task("eve", None);
        let gone = task("gone", None);
        let (cain, abel) = (child("cain", &eve), child("abel", &eve));
        let orphan = child("orphan", &gone);
        let enoch = child("enoch", &cain);
        vec![enoch, orphan, abel, cain, eve]
    }

    #[test]
    fn children_stand_below_the_task_that_spawned_them() {
        let tree = TaskTree::new(family());
        assert_eq!(names(tree.roots()), ["eve", "orphan"]);
        let eve = tree.roots().next().expect("she is there").label.id;
        assert_eq!(names(tree.children(eve)), ["cain", "abel"]);
        assert_eq!(tree.children(TaskId::next()).count(), 0);
        let levels: Vec<usize> = tree.walk().map(|(level, _)| level).collect();
        assert_eq!(levels, [0, 1, 2, 1, 0]);
        let walk = tree.walk().map(|(_, task)| task);
        assert_eq!(names(walk), ["eve", "cain", "enoch", "abel", "orphan"]);
        let spawned = ["eve", "cain", "abel", "orphan", "enoch"];
        assert_eq!(names(tree.as_slice().iter()), spawned);
    }

    #[test]
    fn a_line_says_all_that_is_known() {
        let (waiting, id) = slot("fetch", None);
        let line = line!() - 1;
        waiting.count_poll();
        waiting.record_wait(&"Queue::get", Location::caller());
        let place = format!("{}:{}", file!(), line!() - 1);
        let snapshot = waiting.snapshot(ENV).expect("it is occupied");
        let (asked, other) = slot("asked", Some(id));
        assert!(asked.request(other, Request::Cancel, CancelReason::from("it lags")));
        asked.count_poll();
        asked.count_poll();
        let tree = TaskTree::new(vec![snapshot, asked.snapshot(ENV).expect("as above")]);

        let text = tree.to_string();
        let lines: Vec<&str> = text.lines().collect();
        let spawned = format!("task {id} \"fetch\", spawned at {}:{line}:", file!());
        assert!(lines[0].starts_with(&spawned), "{text}");
        let waits = format!(", 1 poll, waits in Queue::get at {place}:");
        assert!(lines[0].contains(&waits), "{text}");
        let second = format!("  task {other} \"asked\", spawned at ");
        assert!(lines[1].starts_with(&second), "{text}");
        assert!(
            lines[1].ends_with(", 2 polls, cancelled: \"it lags\""),
            "{text}"
        );
        assert_eq!((lines.len(), text.ends_with('\n')), (2, true));
    }

    #[test]
    fn control_characters_are_escaped() {
        let (slot, id) = slot("a\n  task 1\u{1b}[2J", None);
        assert!(slot.request(id, Request::Cancel, CancelReason::from("b\r\u{7}\u{202e}")));
        let tree = TaskTree::new(vec![slot.snapshot(ENV).expect("it is occupied")]);
        let text = tree.to_string();
        assert!(text.contains(r#""a\n  task 1\u{1b}[2J""#), "{text}");
        assert!(text.contains(r#""b\r\u{7}\u{202e}""#), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_is_walked_printed_and_dropped() {
        const DEEP: usize = 100_000;
        let mut chain = vec![task("root", None)];
        while chain.len() < DEEP {
            let next = child("next", chain.last().expect("it has a root"));
            chain.push(next);
        }
        // In the opposite order, since the order given must not matter.
        chain.reverse();
        let tree = TaskTree::new(chain);
        assert_eq!(tree.roots().count(), 1);
        assert!(tree.walk().map(|(level, _)| level).eq(0..DEEP));
        let text = tree.to_string();
        assert_eq!(text.lines().count(), DEEP);
        assert!(text.len() < DEEP * 300, "{} bytes", text.len());
        let last = text.lines().last().expect("there are many");
        assert!(last.contains("(level 99999) task "), "{last}");
    }

    #[test]
    fn a_list_made_by_hand_closes_no_circle() {
        let mut tasks = vec![task("own", None), task("one", None), task("other", None)];
        tasks[0].parent = Some(tasks[0].label.id);
        tasks[1].parent = Some(tasks[2].label.id);
        tasks[2].parent = Some(tasks[1].label.id);
        tasks.push(tasks[2].clone());
        let tree = TaskTree::new(tasks);
        assert_eq!(names(tree.roots()), ["own", "one"]);
        assert_eq!(tree.walk().count(), 3);
        assert_eq!(tree.len(), 3, "each is there once");
    }
}
