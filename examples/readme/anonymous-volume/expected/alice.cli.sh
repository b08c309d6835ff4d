# swarmgen 0.1.0, config sha256:c72440bdbe2007d058380f79ceff4234125226b91d370f7c511de52e2dc96454
docker service create \
  --name jupyter-2bd806c97f0e00af1a1fc3328fa763a9-1 \
  --replicas 1 \
  --label swarmgen.deployment=jupyter \
  --label swarmgen.server= \
  --label swarmgen.user=alice \
  --container-label 'image_name=Minimal python notebook' \
  --mount type=volume,target=/home/jovyan/work \
  --endpoint-mode dnsrr \
  jupyter/base-notebook:30f16d52126f
