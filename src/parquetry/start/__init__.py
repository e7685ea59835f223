"""Floor 5: records that someone has, and a dataset repository made from them."""
